/**
 * Does the work of runs on this host: an ordered list of hooks, each undone at the end in reverse
 * order whatever happened. The agent's core (run-life.ts) claims before and seals after.
 */
import { QuipuError } from "../base/errors.js";
import type { Assignment } from "./assignment.js";
import { checkData } from "./hooks/check-data.js";
import { execute } from "./hooks/execute.js";
import { fetchInputs } from "./hooks/fetch-inputs.js";
import { measure } from "./hooks/measure.js";
import { Reservations, reserveDevice } from "./hooks/reserve-device.js";
import type { RunnerHost, Work, WorkHook } from "./hooks/work.js";
import type { Runner, RunnerHooks, RunReport } from "./ports.js";

export class HostRunner implements Runner {
  readonly #host: RunnerHost;
  readonly #hooks: readonly WorkHook[];
  readonly #active = new Map<string, AbortController>();

  constructor(host: RunnerHost) {
    this.#host = host;
    const reserve = reserveDevice(new Reservations());
    this.#hooks = [checkData, fetchInputs, reserve, execute, measure];
  }

  async start(assignment: Assignment, hooks: RunnerHooks): Promise<RunReport> {
    const control = new AbortController();
    this.#active.set(assignment.runId, control);
    const startedMs = this.#host.clock.bootMs();
    const work: Work = {
      host: this.#host,
      assignment,
      signal: control.signal,
      hooks,
      inputPaths: new Map(),
      isolation: "none",
      deviceMs: 0,
      cpuMs: 0,
      inputBytes: 0,
      outputBytes: 0,
    };
    const entered: WorkHook[] = [];
    let failure: QuipuError | undefined;
    try {
      for (const hook of this.#hooks) {
        control.signal.throwIfAborted();
        hooks.progress(0, hook.activity);
        hooks.log(hook.activity);
        entered.push(hook);
        await hook.run(work);
      }
    } catch (thrown) {
      failure = QuipuError.from(thrown);
      hooks.log(`failed: ${failure.code}: ${failure.message}`);
    } finally {
      await this.#release(entered, work);
      this.#active.delete(assignment.runId);
    }
    const usage = {
      wallMs: Math.round(this.#host.clock.bootMs() - startedMs),
      deviceMs: Math.round(work.deviceMs),
      cpuMs: Math.round(work.cpuMs),
      inputBytes: work.inputBytes,
      outputBytes: failure === undefined ? work.outputBytes : 0,
    };
    hooks.log(`${usage.wallMs} ms, of which ${usage.cpuMs} ms on a processor`);
    const { isolation, result } = work;
    if (failure !== undefined) return { failure: failure.toJSON(), usage, isolation };
    return { ...(result === undefined ? {} : { result }), usage, isolation };
  }

  stop(runId: string): void {
    const stopped = new QuipuError("CANCELLED", "the agent stopped this run");
    this.#active.get(runId)?.abort(stopped);
  }

  /** A release that fails is told, and keeps no other from running. */
  async #release(entered: readonly WorkHook[], work: Work): Promise<void> {
    for (const hook of [...entered].reverse()) {
      try {
        await hook.release?.(work);
      } catch (thrown) {
        const { code, message } = QuipuError.from(thrown);
        this.#host.observe(`release of ${hook.name}: ${code}: ${message}`);
      }
    }
  }
}
