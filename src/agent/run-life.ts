/**
 * The life of one run on this host, as an ordered list of steps:
 *
 *   claim → work (check data → fetch inputs → reserve device → run → measure → release the device,
 *   see runner.ts) → seal → spool → report
 *
 * Each step says what it may assume and what a crash in it means. After the last step the run waits,
 * sealed, for its acknowledgement; when a step ends the life early, its journal entry is removed. The
 * same code serves a run that was just assigned and one that was found on disk after a restart.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { canonicalBytes } from "../base/canonical-json.js";
import { timestamp } from "../base/clock.js";
import { type ErrorJson, QuipuError } from "../base/errors.js";
import {
  type AttachRequest,
  LogLinesSchema,
  RunState,
  type RunUpdate,
  RunUpdateSchema,
} from "../gen/quipu/v1/attach_pb.js";
import type { DurableFolder } from "../io/store/durable-folder.js";
import type { ClockReading, RunRef } from "../model/run.js";
import { type Assignment, runKey, runRefOf } from "./assignment.js";
import { refMessage, runUpdate, say } from "./messages.js";
import type { AgentIdentity, AgentPorts, RunPhase, RunReport } from "./ports.js";
import { RunLog } from "./run-log.js";
import { disclosureOf, noUsage, sealRun } from "./seal.js";
import type { Timers } from "./timers.js";

/** What all runs of an agent share. */
export interface RunHouse {
  readonly identity: AgentIdentity;
  readonly ports: AgentPorts;
  readonly timers: Timers;
  readonly attached: () => boolean;
  /** Sends when attached; else the message is dropped, and said again after the next attach. */
  readonly send: (message: AttachRequest) => void;
  /** The run is over and its files are gone. */
  readonly left: (life: RunLife, acknowledged: boolean) => void;
  /** Of this host beside the coordinator, where it is known. */
  readonly clockReading: () => ClockReading | undefined;
  /** Why the spool refuses writes now, by run; nothing new is claimed until it is empty. */
  readonly spoolTrouble: Map<string, QuipuError>;
}

/**
 * Why the work is to stop. `cancelled` still seals a receipt. `ended`: the agent is told to end. With
 * `expired` and `fenced` another host may already run the job, so nothing is sealed; they overrule.
 */
export type StopReason = "cancelled" | "ended" | "expired" | "fenced";

const diskRetryMsMin = 200;
const diskRetryMsMax = 5_000;

export class RunLife {
  readonly key: string;
  phase: RunPhase;
  /** Boot clock. Infinite once nothing can be stopped any more. */
  leaseEndMs = Number.POSITIVE_INFINITY;
  readonly log = new RunLog();
  #stop: StopReason | undefined;
  #acknowledged = false;
  #progress = 0;
  #activity = "";
  #progressNews = false;
  #report: RunReport | undefined;
  #startedMs = { wall: 0, boot: 0 };
  #sealed: RunUpdate | undefined;

  private constructor(
    readonly ref: RunRef,
    readonly assignment: Assignment | undefined,
    phase: RunPhase,
    private readonly house: RunHouse,
  ) {
    this.key = runKey(ref);
    this.phase = phase;
  }

  static assigned(assignment: Assignment, leaseEndMs: number, house: RunHouse): RunLife {
    const ref = { runId: assignment.runId, epoch: assignment.epoch };
    const life = new RunLife(ref, assignment, "waiting", house);
    life.leaseEndMs = leaseEndMs;
    return life;
  }

  /** A run found in the spool. Throws when the bytes are not the sealed update of that very run. */
  static sealed(ref: RunRef, spooled: Uint8Array, house: RunHouse): RunLife {
    const update = fromBinary(RunUpdateSchema, spooled);
    if (runKey(runRefOf(update)) !== runKey(ref) || update.envelope.length === 0) {
      throw new QuipuError("DATA_INVALID", "it holds another run, or no receipt");
    }
    const life = new RunLife(ref, undefined, "sealed", house);
    life.#sealed = update;
    life.#disclose(update);
    return life;
  }

  /** A run found in the journal alone: it died with the agent of its time. */
  static lost(ref: RunRef, house: RunHouse): RunLife {
    return new RunLife(ref, undefined, "lost", house);
  }

  /** Whether heartbeats name it and its lease counts. */
  get held(): boolean {
    if (this.phase === "sealing" || this.phase === "sealed") return true;
    if (this.#stop === "expired" || this.#stop === "fenced" || this.#stop === "ended") return false;
    return this.phase === "claiming" || this.phase === "working";
  }

  /** Whether the agent still has work to do for it besides waiting for its acknowledgement. */
  get active(): boolean {
    return this.phase !== "sealed" && this.phase !== "lost";
  }

  get activity(): string {
    const trouble = this.house.spoolTrouble.get(this.key);
    return trouble === undefined ? this.#activity : `sealed, not yet on disk: ${trouble.message}`;
  }

  /** Runs the steps in order. Never rejects; ends when the run is sealed, lost, or gone. */
  async live(): Promise<void> {
    try {
      for (const step of [this.#claim, this.#work, this.#seal, this.#spool]) {
        if ((await step.call(this)) === "end") break;
      }
    } catch (thrown) {
      // A fault of this program. The attempt is lost, not the job, and not the agent.
      this.#trouble("the life of a run", thrown);
      this.#enter("lost", "internal fault");
    }
    if (this.phase === "sealed" || this.phase === "lost") this.say();
    else await this.#leave();
  }

  /** Stops the work; see StopReason. A run that is signed already can no longer be stopped. */
  stop(reason: StopReason): void {
    if (this.phase !== "waiting" && this.phase !== "claiming" && this.phase !== "working") return;
    const overrules = reason === "expired" || reason === "fenced";
    if (this.#stop === undefined || overrules) this.#stop = reason;
    if (this.phase === "working") this.house.ports.runner.stop(this.ref.runId);
  }

  /** The coordinator has answered the terminal update: nothing of the run needs to be kept. */
  async acknowledged(): Promise<void> {
    if (this.phase !== "sealed" && this.phase !== "lost") return;
    this.#acknowledged = true;
    await this.#leave();
  }

  /** Sends the present state: after each attach, to a doubled assign, and when it is terminal. */
  say(): void {
    const update = this.#present();
    if (update === undefined) return;
    if (this.phase !== "working" && this.phase !== "sealing") this.sayLog();
    this.#progressNews = false;
    this.house.send(say({ case: "runUpdate", value: update }));
  }

  /** Sends progress if there is news, or if the run waits for the disk and people should know. */
  sayProgress(): void {
    if (this.#progressNews || this.house.spoolTrouble.has(this.key)) this.say();
  }

  sayLog(): void {
    if (!this.house.attached()) return;
    for (let lines = this.log.take(); lines.length > 0; lines = this.log.take()) {
      const value = create(LogLinesSchema, { ...refMessage(this.ref), lines });
      this.house.send(say({ case: "logLines", value }));
    }
  }

  /**
   * Makes the run this host's own: its journal entry is on disk. Assumes nothing. A crash before leaves
   * no trace, and the coordinator assigns again; a crash after it is reported LOST at the next start.
   */
  async #claim(): Promise<"next" | "end"> {
    const { clock, journal } = this.house.ports;
    for (let failures = 0; ; failures += 1) {
      if (this.#over()) return "end";
      if (this.house.spoolTrouble.size === 0) {
        this.#enter("claiming", "");
        try {
          await journal.put(this.key, this.#journalEntry());
          return this.#over() ? "end" : "next";
        } catch (thrown) {
          this.#trouble("claim", thrown);
          this.#enter("waiting", "the journal cannot be written");
        }
      }
      const retryMs = clock.bootMs() + backOffMs(failures);
      await this.house.timers.until(Math.min(retryMs, this.leaseEndMs));
    }
  }

  /**
   * Does the work. Assumes the claim. A crash here loses the attempt: the worker ends itself when its
   * agent is gone, and the journal entry makes the next start report LOST.
   */
  async #work(): Promise<"next" | "end"> {
    const { clock, runner } = this.house.ports;
    this.#startedMs = { wall: clock.wallMs(), boot: clock.bootMs() };
    if (this.#stop === "cancelled" || this.assignment === undefined) return "next";
    this.#enter("working", "");
    this.#progressNews = true; // said with the next progress: most light runs are over by then
    try {
      this.#report = await runner.start(this.assignment, {
        progress: (fraction, activity) => this.#noteProgress(fraction, activity),
        log: (line) => this.log.add(line),
      });
    } catch (thrown) {
      const usage = { ...noUsage, wallMs: Math.round(clock.bootMs() - this.#startedMs.boot) };
      const failure = QuipuError.from(thrown).toJSON();
      this.#report = { failure, usage, isolation: "none" };
    }
    return "next";
  }

  /**
   * Signs what happened. Assumes that nothing of the run is running any more. Nothing is awaited here,
   * so the lease that is checked is the lease under which it is signed; a pause of the whole machine
   * may have hidden its end from the ticks. A crash after it loses the attempt, as before it.
   */
  async #seal(): Promise<"next" | "end"> {
    if (this.#over() || this.assignment === undefined) return "end";
    const { clock, signer } = this.house.ports;
    const { wall, boot } = this.#startedMs;
    const end = {
      assignment: this.assignment,
      cancelled: this.#stop === "cancelled",
      report: this.#report,
      clock: this.house.clockReading(),
      startedAt: timestamp(wall),
      // Start plus what the boot clock measured: a step of the wall clock cannot end a run before it began.
      finishedAt: timestamp(wall + clock.bootMs() - boot),
    };
    try {
      this.#sealed = sealRun(end, this.house.identity, signer);
    } catch (thrown) {
      // What the driver returned cannot be stated (too large, not well-formed): that is the failure.
      const failure: ErrorJson = QuipuError.from(thrown).toJSON();
      const report = { failure, usage: this.#report?.usage ?? noUsage, isolation: "none" as const };
      this.#sealed = sealRun({ ...end, report }, this.house.identity, signer);
    }
    this.#enter("sealing", "");
    return "next";
  }

  /**
   * Makes the sealed update durable. Only now is the run over. Assumes that it is signed; nothing stops
   * it any more, and no failure drops it: it stays in memory and is tried again until the disk takes
   * it. A crash before this resolves loses the attempt; one after it sends the update at the next start.
   */
  async #spool(): Promise<"next" | "end"> {
    const { clock, spool } = this.house.ports;
    if (this.#sealed === undefined) throw new QuipuError("INTERNAL", "nothing was sealed");
    const bytes = toBinary(RunUpdateSchema, this.#sealed);
    for (let failures = 0; ; failures += 1) {
      try {
        const written = spool.put(this.key, bytes);
        if (failures === 0) this.#disclose(this.#sealed); // while the disk is at work
        await written;
        break;
      } catch (thrown) {
        this.house.spoolTrouble.set(this.key, QuipuError.from(thrown));
        this.#trouble("spool", thrown);
        this.#progressNews = true;
        await this.house.timers.until(clock.bootMs() + backOffMs(failures));
      }
    }
    this.house.spoolTrouble.delete(this.key);
    this.leaseEndMs = Number.POSITIVE_INFINITY;
    this.#enter("sealed", "");
    return "next";
  }

  /** Not on disk: a receipt can be sent without it, and it can be made again. */
  #disclose(sealed: RunUpdate): void {
    try {
      const disclosure = disclosureOf(sealed.envelope, this.house.ports);
      if (disclosure !== undefined) sealed.disclosure = disclosure;
    } catch (thrown) {
      this.#trouble("disclosure", thrown);
    }
  }

  /**
   * Release. The journal entry goes first: a crash between the two sends the sealed update once more;
   * the other order would report an acknowledged run as lost.
   */
  async #leave(): Promise<void> {
    const { journal, spool } = this.house.ports;
    this.#enter("ending", this.#stop ?? "");
    await this.#remove(journal, "journal");
    await this.#remove(spool, "spool");
    this.house.left(this, this.#acknowledged || this.#stop === "fenced");
  }

  async #remove(folder: DurableFolder, what: string): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      try {
        await folder.delete(this.key);
        return;
      } catch (thrown) {
        this.#trouble(`remove from ${what}`, thrown);
        await this.house.timers.until(this.house.ports.clock.bootMs() + backOffMs(failures));
      }
    }
  }

  /** Whether the life must end unsealed now. An agent that ends leaves the run LOST, in its journal. */
  #over(): boolean {
    if (this.house.ports.clock.bootMs() >= this.leaseEndMs) this.stop("expired");
    if (this.#stop === "expired" || this.#stop === "fenced") return true;
    if (this.#stop !== "ended") return false;
    if (this.phase !== "waiting") this.#enter("lost", "the agent ends");
    return true;
  }

  #present(): RunUpdate | undefined {
    const { host } = this.house.identity;
    if (this.phase === "sealed") return this.#sealed;
    if (this.phase === "lost") return runUpdate(host, this.ref, this.#loss());
    if ((this.phase !== "working" && this.phase !== "sealing") || !this.held) return undefined;
    const { activity } = this;
    return runUpdate(host, this.ref, {
      state: RunState.RUNNING,
      progress: this.#progress,
      activity,
    });
  }

  /** An agent that was told to end says so: nothing died of the run. */
  #loss(): Parameters<typeof runUpdate>[2] {
    if (this.#stop !== "ended") return { state: RunState.LOST };
    const failure = new QuipuError("PREEMPTED", "the host's agent was told to end");
    return { state: RunState.LOST, failure: failure.toJSON() };
  }

  #noteProgress(fraction: number, activity: string): void {
    this.#progress = Math.min(1, Math.max(0, fraction));
    this.#activity = activity.slice(0, 200);
    this.#progressNews = true;
  }

  #journalEntry(): Uint8Array {
    const { runId, epoch } = this.ref;
    const jobId = this.assignment?.jobId ?? "";
    return canonicalBytes({ version: "quipu.dev/journal/v1", runId, epoch, jobId });
  }

  #enter(phase: RunPhase, text: string): void {
    if (phase === this.phase) return;
    this.phase = phase;
    this.house.ports.observe({ kind: "run", run: this.ref, phase, text });
  }

  #trouble(what: string, thrown: unknown): void {
    const error = QuipuError.from(thrown);
    this.house.ports.observe({ kind: "trouble", what: `${what}, run ${this.ref.runId}`, error });
  }
}

function backOffMs(failures: number): number {
  return Math.min(diskRetryMsMax, diskRetryMsMin * 2 ** Math.min(failures, 10));
}
