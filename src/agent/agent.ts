/**
 * The agent's side of the attach protocol (`docs/protocol.md`), as event methods over ports.
 *
 * Whoever drives it (`attach.ts` in a daemon, a simulator in tests) makes it with `Agent.recover`, then
 * calls `connected`, `received`, `disconnected` as the stream does, and `tick` at least every 250 ms.
 * No method waits: work that an event starts goes on through the ports' promises. Dropping the object
 * is a crash; `Agent.recover` over the same journal and spool is the restart.
 */
import { create } from "@bufbuild/protobuf";
import { toHex } from "../base/bytes.js";
import { QuipuError } from "../base/errors.js";
import { times } from "../base/limits.js";
import {
  type Assign,
  type AttachRequest,
  type AttachResponse,
  type Cancel,
  type HeartbeatAck,
  HeartbeatSchema,
  HelloSchema,
  type RunAck,
  RunState,
  type TelemetrySample,
  type Welcome,
} from "../gen/quipu/v1/attach_pb.js";
import type { RunRef } from "../model/run.js";
import { checkedMs, parseAssignment, parseRunKey, runKey, runRefOf } from "./assignment.js";
import { ClockOffset } from "./clock-offset.js";
import { LeaseBook } from "./lease.js";
import { placeMessage, refMessage, runUpdate, say } from "./messages.js";
import type { AgentIdentity, AgentPorts, RunPhase } from "./ports.js";
import { type RunHouse, RunLife } from "./run-life.js";
import { Timers } from "./timers.js";

/** Runs held at once, at work or waiting for their acknowledgement. */
const runsMax = 1_024;
/** Ended runs that are remembered, so that a doubled assign of one starts nothing. */
const endedMax = 1_024;
const progressEveryMs = 250;
/** A terminal update is sent again after this many heartbeats without an answer. */
const resendHeartbeats = 5;
const heartbeatMsMax = 60_000;
const leaseMsMax = 3_600_000;

export interface AgentView {
  readonly attached: boolean;
  readonly runs: readonly (RunRef & { readonly phase: RunPhase; readonly activity: string })[];
  /** Why the spool refuses writes; empty when it does not. */
  readonly spoolTrouble: string;
}

export class Agent {
  readonly #identity: AgentIdentity;
  readonly #ports: AgentPorts;
  readonly #instanceId: string;
  readonly #runs = new Map<string, RunLife>();
  readonly #ended = new Set<string>();
  readonly #leases = new LeaseBook();
  readonly #timers = new Timers();
  readonly #clockOffset: ClockOffset;
  readonly #house: RunHouse;
  #attached = false;
  #connected = false;
  #ending = false;
  #heartbeatMs: number = times.heartbeatMs;
  #leaseMs: number = times.leaseMs;
  #heartbeatDueMs = 0;
  #progressDueMs = 0;
  #telemetryDueMs = 0;
  #resendIn = resendHeartbeats;
  #heardAtMs = 0;

  private constructor(identity: AgentIdentity, ports: AgentPorts) {
    this.#identity = identity;
    this.#ports = ports;
    this.#instanceId = toHex(ports.random.bytes(16));
    this.#clockOffset = new ClockOffset(ports.clock);
    this.#house = {
      identity,
      ports,
      timers: this.#timers,
      attached: () => this.#attached,
      send: (message) => this.#send(message),
      left: (life, acknowledged) => this.#left(life, acknowledged),
      clockReading: () => this.#clockOffset.reading,
      spoolTrouble: new Map(),
    };
  }

  /**
   * An agent with the runs that journal and spool hold: a spooled run is sealed and sent again; a
   * journalled one without a spool entry was in flight when its agent died, and is reported LOST.
   */
  static async recover(identity: AgentIdentity, ports: AgentPorts): Promise<Agent> {
    const agent = new Agent(identity, ports);
    for (const name of await ports.spool.names()) {
      const ref = parseRunKey(name);
      const bytes = await ports.spool.get(name);
      if (ref === undefined || bytes === undefined) continue;
      try {
        agent.#runs.set(name, RunLife.sealed(ref, bytes, agent.#house));
      } catch (cause) {
        await agent.#setAside(name, bytes, cause);
      }
    }
    for (const name of await ports.journal.names()) {
      const ref = parseRunKey(name);
      if (ref === undefined || agent.#runs.has(name)) continue;
      agent.#runs.set(name, RunLife.lost(ref, agent.#house));
    }
    return agent;
  }

  /** Keeps a spool entry that no agent wrote, under a name that is no run, for a person to look at. */
  async #setAside(name: string, bytes: Uint8Array, cause: unknown): Promise<void> {
    const { spool, observe } = this.#ports;
    // A crash between the two repeats both.
    await spool.put(`${name}.unreadable`, bytes);
    await spool.delete(name);
    const why = QuipuError.from(cause).message;
    const error = new QuipuError("DATA_INVALID", `spool entry ${name} cannot be read: ${why}`, {
      next: `its bytes are kept in the spool as ${name}.unreadable`,
      cause,
    });
    observe({ kind: "trouble", what: "recover the spool", error });
  }

  get view(): AgentView {
    const runs = [...this.#runs.values()].map(({ ref, phase, activity }) => {
      return { ...ref, phase, activity };
    });
    const [trouble] = this.#house.spoolTrouble.values();
    return { attached: this.#attached, runs, spoolTrouble: trouble?.message ?? "" };
  }

  /** The stream is open: the first message on it is the hello. */
  connected(): void {
    const now = this.#now();
    this.#connected = true;
    this.#heardAtMs = now;
    this.#leases.helloSent(now);
    const { host, place, httpUrl, inventory, pilotToken = "" } = this.#identity;
    const hello = create(HelloSchema, {
      host,
      place: placeMessage(place),
      inventory,
      receiptKey: this.#ports.signer.publicKey,
      httpUrl,
      instanceId: this.#instanceId,
      pilotToken,
      heldRuns: this.#held().map(({ ref }) => refMessage(ref)),
    });
    this.#ports.link.send(say({ case: "hello", value: hello }));
  }

  /** The stream is gone. Runs go on until their leases end. */
  disconnected(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#attached = false;
    this.#ports.observe({ kind: "detached" });
  }

  /** A message from the coordinator. One that makes no sense is reported and otherwise ignored. */
  received(response: AttachResponse): void {
    this.#heardAtMs = this.#now();
    // First what time has done: an answer that comes after a lease's end must not revive it.
    this.#endLeases();
    try {
      this.#dispatch(response.message);
    } catch (thrown) {
      const error = QuipuError.from(thrown);
      this.#ports.observe({ kind: "trouble", what: `message ${response.message.case}`, error });
    }
  }

  /** Everything that time does: lease ends, waits, heartbeats, progress, a stream that fell silent. */
  tick(): void {
    const now = this.#now();
    this.#endLeases();
    this.#timers.fire(now);
    if (this.#connected && now - this.#heardAtMs >= this.#leaseMs / 2) {
      this.#heardAtMs = now; // asked once; the next attempt gets as long
      this.#ports.link.drop(`nothing heard for ${this.#leaseMs / 2} ms`);
      return;
    }
    if (!this.#attached) return;
    if (now >= this.#progressDueMs) this.#sendProgress(now);
    if (now >= this.#heartbeatDueMs) this.#sendHeartbeat(now);
  }

  /** Dropped unless attached, and between heartbeats: the next sample is a second away. */
  telemetry(sample: TelemetrySample): void {
    const now = this.#now();
    if (now < this.#telemetryDueMs) return;
    this.#telemetryDueMs = now + this.#heartbeatMs / 2;
    this.#send(say({ case: "telemetry", value: sample }));
  }

  /**
   * Claims nothing more and stops what runs. Once `busy` is false, those runs have been reported LOST,
   * and their journal entries make the next start report them again.
   */
  end(): void {
    this.#ending = true;
    for (const life of this.#runs.values()) life.stop("ended");
  }

  /** Whether a run is at work, or is being written or removed. */
  get busy(): boolean {
    return [...this.#runs.values()].some((life) => life.active);
  }

  #dispatch(message: AttachResponse["message"]): void {
    switch (message.case) {
      case "welcome":
        this.#welcome(message.value);
        break;
      case "heartbeatAck":
        this.#heartbeatAck(message.value);
        break;
      case "assign":
        this.#assign(message.value);
        break;
      case "cancel":
        this.#cancel(message.value);
        break;
      case "runAck":
        this.#runAck(message.value);
        break;
      case "refused": {
        const { code, message: text } = message.value;
        this.#ports.observe({ kind: "refused", code, message: text });
        break;
      }
      default:
        throw new QuipuError("INVALID_ARGUMENT", "a message of a kind this agent does not know", {
          next: "run coordinator and agent of the same version",
        });
    }
  }

  #welcome({ heartbeatMs, leaseMs, coordinatorVersion }: Welcome): void {
    this.#heartbeatMs = checkedMs(heartbeatMs, heartbeatMsMax, "heartbeatMs");
    this.#leaseMs = checkedMs(leaseMs, leaseMsMax, "leaseMs");
    this.#attached = true;
    this.#ports.observe({ kind: "attached", coordinatorVersion });
    // At once, so that leases which ran on during the break are renewed, then the state of each run.
    this.#sendHeartbeat(this.#now());
    for (const life of [...this.#runs.values()]) life.say();
  }

  #heartbeatAck({ sequence, fenced, heartbeatMs, atMs }: HeartbeatAck): void {
    this.#clockOffset.answered(Number(sequence), Number(atMs));
    if (heartbeatMs > 0n) {
      this.#heartbeatMs = checkedMs(heartbeatMs, heartbeatMsMax, "heartbeatMs");
    }
    const heartbeat = this.#leases.answered(Number(sequence));
    const fencedKeys = new Set(fenced.map((ref) => runKey(runRefOf(ref))));
    for (const key of heartbeat?.runs ?? []) {
      const life = this.#runs.get(key);
      if (life === undefined || fencedKeys.has(key)) continue;
      const leaseMs = life.assignment?.leaseMs ?? this.#leaseMs;
      life.leaseEndMs = Math.max(life.leaseEndMs, (heartbeat?.sentAtMs ?? 0) + leaseMs);
    }
    for (const key of fencedKeys) this.#runs.get(key)?.stop("fenced");
  }

  #assign(assign: Assign): void {
    const ref = runRefOf(assign);
    const key = runKey(ref);
    const known = this.#runs.get(key);
    // Sent again because its answer was lost, or doubled on the way: the present state is the answer.
    known?.say();
    if (known !== undefined || this.#ending || this.#ended.has(key)) return;
    try {
      this.#checkRoom();
      const assignment = parseAssignment(assign);
      const leaseEndMs = this.#leases.answeredAtMs + assignment.leaseMs;
      const life = RunLife.assigned(assignment, leaseEndMs, this.#house);
      this.#runs.set(key, life);
      void life.live();
    } catch (thrown) {
      this.#sendLost(ref, QuipuError.from(thrown));
    }
  }

  #checkRoom(): void {
    if (this.#runs.size >= runsMax) {
      throw new QuipuError("LIMIT_EXCEEDED", `this host already holds ${runsMax} runs`);
    }
    const { untilMs } = this.#identity;
    if (untilMs !== undefined && this.#ports.clock.wallMs() >= untilMs) {
      throw new QuipuError("PREEMPTED", "the time of this host is over");
    }
  }

  #cancel(cancel: Cancel): void {
    const ref = runRefOf(cancel);
    const life = this.#runs.get(runKey(ref));
    if (life !== undefined) life.stop("cancelled");
    if (life !== undefined || this.#ended.has(runKey(ref))) return;
    this.#sendLost(ref, new QuipuError("NOT_FOUND", `this agent does not hold run ${ref.runId}`));
  }

  #runAck(ack: RunAck): void {
    const ref = runRefOf(ack);
    const life = this.#runs.get(runKey(ref));
    if (life === undefined) return; // answered twice, or for a run that this agent never had
    if (ack.failure !== undefined) {
      const text = `${ack.failure.code}: ${ack.failure.message}`;
      this.#ports.observe({ kind: "run", run: ref, phase: life.phase, text });
    }
    void life.acknowledged();
  }

  #endLeases(): void {
    const now = this.#now();
    for (const life of this.#runs.values()) if (now >= life.leaseEndMs) life.stop("expired");
  }

  #sendHeartbeat(now: number): void {
    const held = this.#held();
    const sequence = this.#leases.heartbeatSent(
      now,
      held.map(({ key }) => key),
    );
    this.#clockOffset.sent(sequence);
    const runs = held.map(({ ref }) => refMessage(ref));
    const heartbeat = create(HeartbeatSchema, { sequence: BigInt(sequence), runs });
    this.#send(say({ case: "heartbeat", value: heartbeat }));
    this.#heartbeatDueMs = now + this.#heartbeatMs;
    this.#resendIn -= 1;
    if (this.#resendIn > 0) return;
    this.#resendIn = resendHeartbeats;
    for (const life of this.#runs.values()) if (!life.active) life.say();
  }

  #sendProgress(now: number): void {
    this.#progressDueMs = now + progressEveryMs;
    for (const life of this.#runs.values()) {
      life.sayLog();
      life.sayProgress();
    }
  }

  #sendLost(ref: RunRef, error: QuipuError): void {
    const parts = { state: RunState.LOST, failure: error.toJSON() };
    const update = runUpdate(this.#identity.host, ref, parts);
    this.#send(say({ case: "runUpdate", value: update }));
  }

  #send(message: AttachRequest): void {
    if (this.#attached) this.#ports.link.send(message);
  }

  #left(life: RunLife, acknowledged: boolean): void {
    this.#runs.delete(life.key);
    if (!acknowledged) return; // it may be granted again under the same name
    this.#ended.add(life.key);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= endedMax) break;
      this.#ended.delete(oldest);
    }
  }

  #held(): RunLife[] {
    return [...this.#runs.values()].filter((life) => life.held);
  }

  #now(): number {
    return this.#ports.clock.bootMs();
  }
}
