/**
 * A small world for agents: two hosts with durable folders that can fail and crash, a network that
 * loses what is under way, and a coordinator reduced to the protocol's rules. It checks, at each
 * placement, that no other agent still works on the job.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Agent } from "../src/agent/agent.js";
import type { AgentEvent, RunnerHooks, RunReport } from "../src/agent/ports.js";
import { canonicalBytes } from "../src/base/canonical-json.js";
import { QuipuError } from "../src/base/errors.js";
import { seededRandom } from "../src/base/random.js";
import type { Signer } from "../src/base/signature.js";
import {
  AssignSchema,
  type AttachRequest,
  AttachRequestSchema,
  type AttachResponse,
  AttachResponseSchema,
  CancelSchema,
  type Heartbeat,
  HeartbeatAckSchema,
  type Hello,
  RunAckSchema,
  RunState,
  type RunUpdate,
  WelcomeSchema,
} from "../src/gen/quipu/v1/attach_pb.js";
import { InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import type { DurableFolder } from "../src/io/store/durable-folder.js";
import { jobBytes, jobSpec } from "../src/model/job.js";

export const leaseMs = 10_000;
export const leaseMarginMs = 2_000;

/** Lets every promise that can go on go on: nothing here waits for more than promises. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

export const spec = jobSpec.parse({
  version: "quipu.dev/v1",
  name: "count",
  task: { driver: "hash" },
});
const decision = canonicalBytes({ policyDigest: `sha256:${"1".repeat(64)}` });

export const report: RunReport = {
  result: {
    outputs: [
      {
        name: "manifest.json",
        digest: `sha256:${"2".repeat(64)}`,
        blake3: "3".repeat(64),
        sizeBytes: 5,
        mediaType: "application/json",
      },
    ],
    device: "cpu",
    backend: "portable",
    determinism: "bitwise",
    arithmetic: "",
  },
  usage: { wallMs: 5, deviceMs: 5, cpuMs: 4, inputBytes: 3, outputBytes: 5 },
  isolation: "none",
};

export type Fault = "full" | "kept" | "crash-before" | "crash-after";

/** Whole-file content that outlives its host's crashes; the next operations can be made to fail. */
class MemoryFolder implements DurableFolder {
  readonly files = new Map<string, Uint8Array>();
  /** Asked before each operation: how it goes wrong, if it does. */
  constructor(private readonly fault: (operation: string) => Fault | undefined) {}

  put(name: string, bytes: Uint8Array): Promise<void> {
    return this.#do("put", () => this.files.set(name, bytes));
  }
  async get(name: string): Promise<Uint8Array | undefined> {
    return this.files.get(name);
  }
  delete(name: string): Promise<void> {
    return this.#do("delete", () => this.files.delete(name));
  }
  async names(): Promise<readonly string[]> {
    return [...this.files.keys()].sort();
  }

  #do(operation: string, effect: () => void): Promise<void> {
    const fault = this.fault(operation);
    if (fault !== "full" && fault !== "crash-before") effect();
    if (fault === "full" || fault === "kept") {
      return Promise.reject(new QuipuError("DISK_FULL", "no space left on the device"));
    }
    return fault === undefined ? Promise.resolve() : new Promise(() => {});
  }
}

interface Work {
  readonly hooks: RunnerHooks;
  readonly settle: (report: RunReport) => void;
}

/** One machine: what survives a crash (folders) and what does not (agent, work, messages). */
export class Host {
  agent: Agent | undefined;
  readonly journal: MemoryFolder;
  readonly spool: MemoryFolder;
  readonly works = new Map<string, Work>();
  readonly events: AgentEvent[] = [];
  /** Every message that the agent ever sent, for tests that read the conversation. */
  readonly said: AttachRequest["message"][] = [];
  toCoordinator: Uint8Array[] = [];
  toAgent: Uint8Array[] = [];
  connected = false;
  starts = 0;
  /** Set by a test: consulted at each durable operation and at each start of work. */
  fault: (point: string) => Fault | undefined = () => undefined;

  constructor(
    readonly name: string,
    private readonly world: World,
    private readonly signer: Signer,
  ) {
    this.journal = new MemoryFolder((operation) => this.#faultAt(`journal.${operation}`));
    this.spool = new MemoryFolder((operation) => this.#faultAt(`spool.${operation}`));
  }

  async start(): Promise<void> {
    this.starts += 1;
    const life = this.starts;
    const alive = () => this.starts === life && this.agent !== undefined;
    const identity = {
      host: this.name,
      place: { country: "SG", zone: "", site: "private" as const, grade: "claimed" as const },
      version: "0.0.0",
      httpUrl: "http://127.0.0.1:1",
      inventory: create(InventorySchema, {}),
    };
    this.agent = await Agent.recover(identity, {
      clock: { wallMs: () => this.world.nowMs + 1_700_000_000_000, bootMs: () => this.world.nowMs },
      random: seededRandom(life * 1000 + this.name.length),
      journal: this.journal,
      spool: this.spool,
      signer: this.signer,
      observe: (event) => this.events.push(event),
      link: {
        send: (message) => {
          if (!alive() || !this.connected) return;
          this.said.push(message.message);
          this.toCoordinator.push(toBinary(AttachRequestSchema, message));
        },
        drop: () => this.disconnect(),
      },
      runner: {
        start: (assignment, hooks) => this.#work(assignment.runId, hooks),
        stop: (runId) => {
          const failure = new QuipuError("CANCELLED", "stopped").toJSON();
          this.finish(runId, { failure, usage: report.usage, isolation: "none" });
        },
      },
    });
  }

  crash(): void {
    this.agent = undefined;
    this.works.clear();
    this.disconnect();
  }

  connect(): void {
    if (this.agent === undefined || this.connected) return;
    this.connected = true;
    this.agent.connected();
  }

  disconnect(): void {
    this.connected = false;
    this.toAgent = [];
    this.toCoordinator = [];
    this.agent?.disconnected();
  }

  /** Ends the work of one run, or of whichever began first. */
  finish(runId: string | undefined, result: RunReport): void {
    const id = runId ?? [...this.works.keys()][0];
    const work = id === undefined ? undefined : this.works.get(id);
    if (id === undefined || work === undefined) return;
    this.works.delete(id);
    work.settle(result);
  }

  deliverToAgent(): boolean {
    const bytes = this.toAgent.shift();
    if (bytes !== undefined) this.agent?.received(fromBinary(AttachResponseSchema, bytes));
    return bytes !== undefined;
  }

  deliverToCoordinator(): boolean {
    const bytes = this.toCoordinator.shift();
    if (bytes !== undefined) this.world.hear(this, fromBinary(AttachRequestSchema, bytes));
    return bytes !== undefined;
  }

  #work(runId: string, hooks: RunnerHooks): Promise<RunReport> {
    this.#faultAt("runner.start");
    if (this.agent === undefined) return new Promise(() => {});
    return new Promise((resolve) => this.works.set(runId, { hooks, settle: resolve }));
  }

  #faultAt(point: string): Fault | undefined {
    const fault = this.fault(point);
    if (fault === "crash-before" || fault === "crash-after") this.crash();
    return fault;
  }
}

interface Placement {
  readonly runId: string;
  readonly epoch: number;
  readonly host: Host;
  acknowledgedBy: string;
  leaseEndMs: number;
}

/** The coordinator's rules for one job, in memory that never fails. */
export class World {
  nowMs = 50_000;
  readonly hosts: Host[];
  placement: Placement | undefined;
  epoch = 0;
  cancelled = false;
  /** Runs that ended the job; the protocol allows one. */
  readonly logged: string[] = [];
  readonly evidence: string[] = [];
  outcome: RunState | undefined;
  readonly lost: string[] = [];
  #instances = new Map<Host, string>();

  constructor(signer: Signer, hostCount = 2) {
    this.hosts = ["sg-1", "cl-1"].slice(0, hostCount).map((name) => new Host(name, this, signer));
  }

  /** The host of single-host tests. */
  get host(): Host {
    const [host] = this.hosts;
    if (host === undefined) throw new Error("a world without hosts");
    return host;
  }

  send(host: Host, message: AttachResponse["message"]): void {
    if (!host.connected) return;
    const response = create(AttachResponseSchema, { message });
    host.toAgent.push(toBinary(AttachResponseSchema, response));
  }

  place(host: Host): void {
    for (const other of this.hosts) {
      if (other.agent === undefined || other.works.size === 0) continue;
      throw new Error(`${other.name} still works on the job at its ${this.epoch + 1}th placement`);
    }
    this.epoch += 1;
    this.placement = {
      runId: `run-${this.epoch}`,
      epoch: this.epoch,
      host,
      acknowledgedBy: "",
      leaseEndMs: this.nowMs + leaseMs + leaseMarginMs,
    };
    this.#assign();
  }

  cancel(): void {
    this.cancelled = true;
    this.#sendCancel();
  }

  advance(ms: number): void {
    this.nowMs += ms;
    // Ticks come more often than the margin is long; so does this one.
    for (const host of this.hosts) host.agent?.tick();
    if (this.placement !== undefined && this.nowMs >= this.placement.leaseEndMs) this.#lose();
  }

  /** Delivers everything, both ways, until nothing is under way. */
  /** What an answer to a heartbeat asks for; 0: as before. */
  heartbeatMs = 0n;

  async flow(): Promise<void> {
    for (let moved = true; moved; ) {
      await settle();
      moved = false;
      for (const host of this.hosts) {
        while (host.deliverToCoordinator()) moved = true;
        while (host.deliverToAgent()) moved = true;
      }
    }
  }

  hear(host: Host, { message }: AttachRequest): void {
    if (message.case === "hello") this.#hello(host, message.value);
    if (message.case === "heartbeat") this.#heartbeat(host, message.value);
    if (message.case === "runUpdate") this.#update(host, message.value);
  }

  #hello(host: Host, hello: Hello): void {
    this.#instances.set(host, hello.instanceId);
    const times = { coordinatorVersion: "0", heartbeatMs: 1000n, leaseMs: BigInt(leaseMs) };
    this.send(host, { case: "welcome", value: create(WelcomeSchema, times) });
    if (this.placement?.host !== host) return;
    const { runId, acknowledgedBy } = this.placement;
    if (!hello.heldRuns.some((ref) => ref.runId === runId)) {
      if (acknowledgedBy === "") this.#assign();
      else if (acknowledgedBy !== hello.instanceId) this.#lose();
    }
    if (this.cancelled) this.#sendCancel();
  }

  #heartbeat(host: Host, heartbeat: Heartbeat): void {
    const { placement } = this;
    const fenced = heartbeat.runs.filter((ref) => ref.runId !== placement?.runId);
    if (placement?.host === host && fenced.length < heartbeat.runs.length) {
      placement.leaseEndMs = this.nowMs + leaseMs + leaseMarginMs;
    }
    const { sequence } = heartbeat;
    const value = create(HeartbeatAckSchema, { sequence, fenced, heartbeatMs: this.heartbeatMs });
    this.send(host, { case: "heartbeatAck", value });
  }

  #update(host: Host, update: RunUpdate): void {
    const { runId, epoch, state } = update;
    const current = this.placement?.runId === runId ? this.placement : undefined;
    if (state === RunState.RUNNING) {
      if (current !== undefined) current.acknowledgedBy = this.#instances.get(host) ?? "";
      return;
    }
    if (state === RunState.LOST) {
      if (current !== undefined) this.#lose();
      this.ack(host, runId, epoch, current !== undefined);
      return;
    }
    if (current !== undefined) {
      this.placement = undefined;
      this.logged.push(runId);
      this.outcome = state;
    } else if (!this.logged.includes(runId)) this.evidence.push(runId);
    this.ack(host, runId, epoch, this.logged.includes(runId));
  }

  ack(host: Host, runId: string, epoch: bigint, accepted: boolean): void {
    this.send(host, { case: "runAck", value: create(RunAckSchema, { runId, epoch, accepted }) });
  }

  #lose(): void {
    if (this.placement !== undefined) this.lost.push(this.placement.runId);
    this.placement = undefined;
  }

  #assign(): void {
    if (this.placement === undefined) return;
    const { runId, epoch, host } = this.placement;
    this.send(host, this.assignment(runId, epoch));
    this.placement.leaseEndMs = this.nowMs + leaseMs + leaseMarginMs;
  }

  assignment(runId: string, epoch: number): AttachResponse["message"] {
    const value = create(AssignSchema, {
      runId,
      epoch: BigInt(epoch),
      jobId: "job-1",
      spec: jobBytes(spec),
      decision,
      leaseMs: BigInt(leaseMs),
      device: "cpu",
    });
    return { case: "assign", value };
  }

  #sendCancel(): void {
    if (this.placement === undefined) return;
    const { runId, epoch, host } = this.placement;
    const value = create(CancelSchema, { runId, epoch: BigInt(epoch) });
    this.send(host, { case: "cancel", value });
  }
}
