/**
 * One stream to one agent. Messages are begun in their order, and no message waits for what one about
 * a run makes durable: many runs share a commit. What a stream says after a newer one of its host was
 * opened counts for nothing.
 */
import { create } from "@bufbuild/protobuf";
import { QuipuError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import {
  type AttachRequest,
  type Heartbeat,
  HeartbeatAckSchema,
  type LogLines,
  RunState,
  type RunUpdate,
  type TelemetrySample,
  WelcomeSchema,
} from "../../gen/quipu/v1/attach_pb.js";
import { FailureSchema } from "../../gen/quipu/v1/types_pb.js";
import type { RunRecord } from "../../io/store/records.js";
import type { RunRef } from "../../model/run.js";
import { admitPilot } from "../burst/admit.js";
import { type Core, type HostStream, leaseEnd, trouble } from "../core.js";
import { say, sendCancel } from "../dispatch/assign.js";
import { acknowledge } from "../job/acknowledge.js";
import { type ActiveRun, mustStop } from "../job/active-runs.js";
import { ingest } from "../job/ingest.js";
import { refuseKey, registerKey } from "../log/host-keys.js";
import type { AgentLink } from "../ports.js";
import { withMarks } from "./cordon.js";
import { checkHello } from "./hello.js";
import { reconcile } from "./reconcile.js";

const hostsMax = 10_000;
const linesPerMessageMax = 4096;
const runsPerHeartbeatMax = 4096;
/** Ends of runs that are dealt with at once for one host: more than it can hold unanswered, save by fault. */
const ingestsMax = 2048;

/** What one heartbeat of each host may cost this process: beyond so many, they come less often. */
const msPerHost = 0.25;
/** At least so many in one lease. */
const heartbeatsPerLeaseMin = 4;

function heartbeatMs({ hosts, options }: Core): number {
  const mostMs = options.leaseMs / heartbeatsPerLeaseMin;
  return Math.round(Math.max(options.heartbeatMs, Math.min(mostMs, msPerHost * hosts.size)));
}

/**
 * Two agents with one name would take the stream from each other for ever. The one that is heard keeps
 * it; an agent that was started anew is heard no more under its old instance, and gets it in a moment.
 */
function refuseSecond(core: Core, name: string, instanceId: string): void {
  const older = core.sessions.get(name);
  if (older === undefined || older.instanceId === instanceId) return;
  const quietMs = core.ports.clock.bootMs() - older.heardAtMs;
  if (quietMs > 2 * heartbeatMs(core)) return;
  throw new QuipuError("CONFLICT", `another agent is attached as host ${name}`, {
    next: "give each host a name of its own; an agent that was started anew is let in in a moment",
  });
}

export class Session implements HostStream {
  readonly #core: Core;
  readonly #link: AgentLink;
  #tail: Promise<void> = Promise.resolve();
  #lastLookup: Promise<unknown> = Promise.resolve();
  #ingests = 0;
  #closed = false;
  #host = "";
  #instanceId = "";
  #telemetry: TelemetrySample | undefined;
  #heardAtMs: number;

  constructor(core: Core, link: AgentLink) {
    this.#core = core;
    this.#link = link;
    this.#heardAtMs = core.ports.clock.bootMs();
    core.strangers.add(this);
  }

  get telemetry(): TelemetrySample | undefined {
    return this.#telemetry;
  }

  get instanceId(): string {
    return this.#instanceId;
  }

  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  send(message: Parameters<AgentLink["send"]>[0]): void {
    if (this.#closed) return;
    // No run may be granted and no lease renewed by one that another may have followed.
    if (this.#core.ports.leads?.() === false) this.close();
    else this.#link.send(message);
  }

  /** Resolves when the message has been dealt with; a message that fails ends the stream. */
  receive(request: AttachRequest): Promise<void> {
    const dealtWith = this.#tail.then(() => this.#take(request));
    const { case: kind } = request.message;
    if (kind !== "runUpdate" && kind !== "logLines") this.#tail = dealtWith;
    return dealtWith;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#core.strangers.delete(this);
    this.#link.close();
    if (this.#core.sessions.get(this.#host) !== this) return;
    this.#core.sessions.delete(this.#host);
    this.#core.away.set(this.#host, this.#core.ports.clock.bootMs());
    this.#core.fleet.changed(this.#host);
    this.#core.ports.observe({ kind: "detached", host: this.#host });
    this.#core.wake(); // a waiting job's reason may have changed
  }

  async #take({ message }: AttachRequest): Promise<void> {
    if (this.#closed) return;
    this.#heardAtMs = this.#core.ports.clock.bootMs();
    try {
      if ((message.case === "hello") !== (this.#host === "")) {
        throw new QuipuError("INVALID_ARGUMENT", "a stream begins with one hello");
      }
      switch (message.case) {
        case "hello":
          return await this.#hello(message.value);
        case "heartbeat":
          return await this.#heartbeat(message.value);
        case "telemetry":
          this.#telemetry = message.value;
          return;
        case "runUpdate":
          return await this.#runUpdate(message.value);
        case "logLines":
          return await this.#logLines(message.value);
      }
    } catch (thrown) {
      this.#refuse(trouble(this.#core, `stream of host ${this.#host || "unknown"}`, thrown));
    }
  }

  /** The stream ends after this; the agent dials again. */
  #refuse({ code, message, next }: QuipuError): void {
    const value = create(FailureSchema, { code, message, next: next ?? "" });
    this.send(say({ case: "refused", value }));
    this.close();
  }

  async #hello(hello: Parameters<typeof checkHello>[0]): Promise<void> {
    const core = this.#core;
    const { host: said, instanceId, heldRuns } = checkHello(hello, core.ports.clock.wallMs());
    refuseSecond(core, said.name, instanceId);
    if (!core.hosts.has(said.name) && core.hosts.size >= hostsMax) {
      throw new QuipuError("LIMIT_EXCEEDED", `this fleet has ${hostsMax} hosts already`);
    }
    const atMs = core.ports.clock.wallMs();
    const host = await core.ports.store.transact(async (tables) => {
      const { hosts } = tables;
      const admitted = await admitPilot(tables, said, hello.pilotToken, atMs);
      const known = await hosts.get(said.name);
      await refuseKey(core, tables, said);
      const record = await registerKey(core, tables, known, withMarks(admitted, known));
      await hosts.put(record);
      return record;
    });
    if (this.#closed) return;
    // From here to the end nothing is awaited before the stream is the host's only one.
    this.#host = host.name;
    this.#instanceId = instanceId;
    core.hosts.set(host.name, host);
    core.strangers.delete(this);
    const older = core.sessions.get(host.name);
    core.sessions.set(host.name, this);
    core.away.delete(host.name);
    core.fleet.changed(host.name);
    older?.close();
    const { version, leaseMs } = core.options;
    const value = create(WelcomeSchema, {
      coordinatorVersion: version,
      heartbeatMs: BigInt(heartbeatMs(core)),
      leaseMs: BigInt(leaseMs),
      grantKey: core.ports.grants.signer.publicKey,
    });
    this.send(say({ case: "welcome", value }));
    core.ports.observe({ kind: "attached", host: host.name });
    await reconcile(core, host.name, instanceId, heldRuns);
    core.wake();
  }

  async #heartbeat({ sequence, runs }: Heartbeat): Promise<void> {
    if (runs.length > runsPerHeartbeatMax) {
      throw new QuipuError("LIMIT_EXCEEDED", `a heartbeat names ${runs.length} runs`);
    }
    const endsAtMs = leaseEnd(this.#core);
    const fenced = [];
    for (const ref of runs) {
      const run = { runId: ref.runId, epoch: Number(ref.epoch) };
      const active = this.#core.runs.granted(this.#host, run);
      if (active !== undefined) this.#renew(active, endsAtMs);
      else if (!(await this.#isAccepted(run))) fenced.push(ref);
    }
    if (this.#closed) return;
    const everyMs = BigInt(heartbeatMs(this.#core));
    const atMs = BigInt(this.#core.ports.clock.wallMs());
    const value = create(HeartbeatAckSchema, { sequence, fenced, heartbeatMs: everyMs, atMs });
    this.send(say({ case: "heartbeatAck", value }));
  }

  /** The answer renews it there too, whatever it is to do; so what it must do is said again. */
  #renew(active: ActiveRun, endsAtMs: number): void {
    active.leaseEndsAtMs = endsAtMs;
    if (mustStop(active)) sendCancel(this.#core, active);
  }

  /** A run whose receipt was accepted is over, not fenced; its acknowledgement is under way. */
  async #isAccepted({ runId, epoch }: RunRef): Promise<boolean> {
    const run = await this.#core.ports.store.runs.get(runId);
    const over = run?.stage === "sealed" || run?.stage === "ended";
    return over && run.epoch === epoch && run.host === this.#host;
  }

  async #runUpdate(update: RunUpdate): Promise<void> {
    if (update.state === RunState.RUNNING) {
      return await acknowledge(this.#core, this.#host, this.#instanceId, update);
    }
    if (update.state === RunState.UNSPECIFIED) {
      throw new QuipuError("INVALID_ARGUMENT", "a run update without a state");
    }
    // Not awaited: whoever reads the stream must not wait for the log. Doubles are harmless.
    if (this.#takesIn(update)) void this.#ingest(update);
  }

  /** What is not taken in now is not answered, so the agent keeps it and sends it again. */
  #takesIn({ state }: RunUpdate): boolean {
    if (this.#ingests >= ingestsMax) return false;
    return state === RunState.LOST || !this.#core.receiptsOwed.isFull;
  }

  async #ingest(update: RunUpdate): Promise<void> {
    this.#ingests += 1;
    try {
      const value = await ingest(this.#core, this.#host, update);
      this.send(say({ case: "runAck", value }));
    } catch (thrown) {
      // Unanswered, so the agent sends it again.
      trouble(this.#core, `receipt of run ${update.runId}`, thrown);
    } finally {
      this.#ingests -= 1;
    }
  }

  async #logLines({ runId, epoch, lines }: LogLines): Promise<void> {
    const { store } = this.#core.ports;
    const run = this.#core.runs.get(runId)?.run ?? (await this.#lookUp(runId));
    if (run?.host !== this.#host || BigInt(run.epoch) !== epoch) return;
    const bytesMax = limits.runLogBytesMax;
    const kept = lines.slice(-linesPerMessageMax);
    await store.transact(({ runLogs }) => runLogs.append(runId, kept, bytesMax));
    this.#core.changes.changed(run.jobId);
  }

  /** A run that is over. One after the other, so that lines stay in their order. */
  #lookUp(runId: string): Promise<RunRecord | undefined> {
    const lookup = this.#lastLookup.then(() => this.#core.ports.store.runs.get(runId));
    this.#lastLookup = lookup.catch(() => undefined);
    return lookup;
  }
}
