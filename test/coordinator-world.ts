/**
 * A real coordinator over a store and a log that outlive it, and hosts that speak as they are told.
 */
import { create } from "@bufbuild/protobuf";
import { parseAssignment } from "../src/agent/assignment.js";
import { placeMessage, runUpdate, say } from "../src/agent/messages.js";
import { digestOf } from "../src/base/bytes.js";
import { QuipuError } from "../src/base/errors.js";
import { seededRandom } from "../src/base/random.js";
import type { Signer } from "../src/base/signature.js";
import { type AgentStream, Coordinator } from "../src/coordinator/coordinator.js";
import { submitJobs } from "../src/coordinator/job/admission.js";
import type { CoordinatorPorts } from "../src/coordinator/ports.js";
import {
  type Assign,
  type AttachResponse,
  HeartbeatSchema,
  type Hello,
  HelloSchema,
  LogLinesSchema,
  type RunAck,
  RunState,
  type RunUpdate,
} from "../src/gen/quipu/v1/attach_pb.js";
import { InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { CoordinatorStore } from "../src/io/store/coordinator-store.js";
import type { JobRecord } from "../src/io/store/records.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import type { AuditRules } from "../src/model/audit.js";
import { jobBytes, jobSpec } from "../src/model/job.js";
import type { Place } from "../src/model/place.js";
import type { RunFacts } from "../src/model/run.js";
import { sealEnvelope } from "../src/proof/receipt/envelope.js";
import { buildStatement } from "../src/proof/receipt/statement.js";
import { Sequencer } from "../src/proof/tlog/sequencer.js";
import { type LogDisk, MemoryLogStore, newLogDisk } from "./memory-log-store.js";
import { base, dataSet } from "./scheduler-world.js";

export const logKey = newSigner("ed25519");
export const grantKey = newSigner("ecdsa-p256-sha256");
const hostKey = newSigner("ecdsa-p256-sha256");
export const times = { heartbeatMs: 1_000, leaseMs: 10_000, leaseMarginMs: 2_000 } as const;
export const origin = "quipu.example/test";

export function job(parts: Record<string, unknown> = {}): Uint8Array {
  const task = { driver: "hash" };
  return jobBytes(jobSpec.parse({ version: "quipu.dev/v1", name: "count", task, ...parts }));
}

/** Lets every promise that can go on go on; all ports are in memory. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class CoordinatorWorld {
  nowMs = 1_000_000;
  leads = true;
  readonly troubles: string[] = [];
  readonly disk: LogDisk;
  readonly artifacts = new Set<string>();
  /** Holds from the next start on. */
  burst: CoordinatorPorts["burst"];
  /** The same; what is not about audits has none. */
  audits: AuditRules = { rate: 0, newHostRuns: 0, withinMs: 3_600_000 };
  coordinator!: Coordinator;
  log!: Sequencer;
  logStore!: MemoryLogStore;
  #starts = 0;

  private constructor(
    public store: CoordinatorStore,
    disk: LogDisk,
  ) {
    this.disk = disk;
  }

  static async open(path = ":memory:", disk = newLogDisk()): Promise<CoordinatorWorld> {
    const store = await openCoordinatorStore(path);
    const world = new CoordinatorWorld(store, disk);
    await store.transact(async ({ dataSets }) => {
      if ((await dataSets.get("people")) !== undefined) return;
      const people = dataSet("personal", ["CL", "SG"], "people");
      await dataSets.insert({ facts: people, registeredAtMs: 1 });
      await dataSets.insert({ facts: dataSet("public", [], "open"), registeredAtMs: 1 });
    });
    await world.start();
    return world;
  }

  /** A new process over what is durable. */
  async start(): Promise<void> {
    this.#starts += 1;
    const clock = { wallMs: () => 1_800_000_000_000 + this.nowMs, bootMs: () => this.nowMs };
    this.logStore = new MemoryLogStore(this.disk);
    this.log = await Sequencer.open({ store: this.logStore, signer: logKey, origin, clock });
    this.coordinator = await Coordinator.start(
      {
        clock,
        random: seededRandom(this.#starts),
        store: this.store,
        leads: () => this.leads,
        log: this.log,
        policy: base,
        prices: [],
        artifacts: {
          sizeOf: async (digest) => (this.artifacts.has(digest) ? 1_000_000_000 : undefined),
          list: async () => [],
        },
        grants: { signer: grantKey, artifactUrl: "http://127.0.0.1:9" },
        noticeSigner: grantKey,
        burst: this.burst,
        defer: (task) => void setImmediate(task),
        observe: (event) => {
          if (event.kind === "trouble") this.troubles.push(`${event.what}: ${event.error.message}`);
        },
      },
      {
        version: "0.1.0",
        ...times,
        tilesUrl: "http://127.0.0.1:9",
        audits: this.audits,
      },
    );
    await settle();
  }

  async submit(...specs: Uint8Array[]): Promise<string[]> {
    const key = `key-${Math.random()}`;
    const jobs = await submitJobs(this.coordinator.core, key, specs);
    await settle();
    return jobs.map(({ id }) => id);
  }

  async one(spec: Uint8Array = job()): Promise<string> {
    return (await this.submit(spec))[0] ?? "";
  }

  /** Entries of the log that hosts have signed. */
  async receiptEntries(): Promise<number> {
    const key = Buffer.from(grantKey.publicKey).toString("base64");
    const entries = await this.log.entries(0, this.log.head().size);
    return entries.filter((entry) => !Buffer.from(entry).toString().includes(key)).length;
  }

  async job(id: string): Promise<JobRecord> {
    const found = await this.store.jobs.get(id);
    if (found === undefined) throw new Error(`no job ${id}`);
    return found;
  }

  async state(id: string): Promise<string> {
    return (await this.job(id)).state;
  }

  async advance(ms: number): Promise<void> {
    this.nowMs += ms;
    await this.coordinator.tick();
    await settle();
  }
}

export const places: Readonly<Record<"SG" | "DE", Place>> = {
  SG: { country: "SG", zone: "", site: "private", grade: "operator-asserted" },
  DE: { country: "DE", zone: "", site: "public", grade: "operator-asserted" },
};

type Told = Exclude<AttachResponse["message"], { case: undefined }>;

type Values = { readonly [One in Told as One["case"]]: One["value"] };

/** A host as the coordinator sees it: what it says, and what it was told. */
export class FakeHost {
  readonly told: AttachResponse["message"][] = [];
  closed = false;
  instance = "first";
  #saidInstance = "";
  #stream: AgentStream | undefined;

  constructor(
    private readonly world: CoordinatorWorld,
    readonly name = "sg-1",
    readonly country: "SG" | "DE" = "SG",
    readonly signer: Signer = hostKey,
  ) {}

  get place(): Place {
    return places[this.country];
  }

  async attach(held: readonly Assign[] = [], parts: object = {}): Promise<void> {
    // A process that died has closed its connection.
    if (this.#saidInstance !== this.instance) this.#stream?.close();
    this.#saidInstance = this.instance;
    this.told.length = 0;
    this.closed = false;
    this.#stream = this.world.coordinator.open({
      send: (message) => this.told.push(message.message),
      close: () => {
        this.closed = true;
      },
    });
    await this.say({ case: "hello", value: this.hello(held, parts) });
  }

  hello(held: readonly Assign[] = [], parts: object = {}): Hello {
    return create(HelloSchema, {
      host: this.name,
      place: placeMessage(this.place),
      inventory: create(InventorySchema, {
        devices: [{ id: "cpu", model: "x86", memoryBytes: 2n ** 33n, backends: ["portable"] }],
        dataSets: [{ name: "people" }, { name: "open" }],
      }),
      receiptKey: this.signer.publicKey,
      httpUrl: "http://127.0.0.1:8",
      instanceId: this.instance,
      heldRuns: held.map(({ runId, epoch }) => ({ runId, epoch })),
      ...parts,
    });
  }

  async say(message: Parameters<typeof say>[0]): Promise<void> {
    await this.#stream?.receive(say(message));
    await settle();
  }

  leave(): void {
    this.#stream?.close();
  }

  all<C extends keyof Values>(kind: C): Values[C][] {
    const values: unknown = this.told.filter((one) => one.case === kind).map((one) => one.value);
    return values as Values[C][];
  }

  /** The newest assignment. */
  get assign(): Assign {
    const assign = this.all("assign").at(-1);
    if (assign === undefined) throw new Error(`${this.name} was assigned nothing`);
    return assign;
  }

  get ack(): RunAck | undefined {
    return this.all("runAck").at(-1);
  }

  async beat(...runs: readonly Assign[]): Promise<readonly string[]> {
    const refs = runs.map(({ runId, epoch }) => ({ runId, epoch }));
    const value = create(HeartbeatSchema, { sequence: 1n, runs: refs });
    await this.say({ case: "heartbeat", value });
    return (
      this.all("heartbeatAck")
        .at(-1)
        ?.fenced.map(({ runId }) => runId) ?? []
    );
  }

  async running(assign = this.assign, progress = 0.5): Promise<void> {
    const update = runUpdate(this.name, refOf(assign), { state: RunState.RUNNING, progress });
    await this.say({ case: "runUpdate", value: update });
  }

  async lost(assign = this.assign): Promise<void> {
    const update = runUpdate(this.name, refOf(assign), { state: RunState.LOST });
    await this.say({ case: "runUpdate", value: update });
  }

  async logs(lines: string[], assign = this.assign): Promise<void> {
    const { runId, epoch } = assign;
    await this.say({ case: "logLines", value: create(LogLinesSchema, { runId, epoch, lines }) });
  }

  async report(update: RunUpdate): Promise<void> {
    await this.say({ case: "runUpdate", value: update });
  }

  seal(
    outcome: RunFacts["outcome"] = "succeeded",
    assign = this.assign,
    change?: (facts: RunFacts) => RunFacts,
    signer: Signer = this.signer,
  ): RunUpdate {
    return sealOf({ name: this.name, place: this.place, signer }, assign, outcome, change);
  }
}

/** The end of a run as an honest agent seals it, save for what `change` makes of its facts. */
export function sealOf(
  host: { readonly name: string; readonly place: Place; readonly signer: Signer },
  assign: Assign,
  outcome: RunFacts["outcome"] = "succeeded",
  change: (facts: RunFacts) => RunFacts = (facts) => facts,
): RunUpdate {
  const assignment = parseAssignment(assign);
  const failure = new QuipuError(outcome === "cancelled" ? "CANCELLED" : "DATA_INVALID", "no");
  const facts: RunFacts = {
    ...assignment,
    host: host.name,
    place: host.place,
    agentVersion: "0.1.0",
    inputs: assignment.inputs.map(({ digest }) => digest),
    outcome,
    ...(outcome === "succeeded" ? { result } : { failure: failure.toJSON() }),
    isolation: "none",
    startedAt: "2026-01-02T03:04:05.000Z",
    finishedAt: "2026-01-02T03:04:06.000Z",
    usage: { wallMs: 1, deviceMs: 1, cpuMs: 1, inputBytes: 1, outputBytes: 1 },
  };
  const envelope = sealEnvelope(buildStatement(change(facts)), host.signer);
  const states = {
    succeeded: RunState.SUCCEEDED,
    failed: RunState.FAILED,
    cancelled: RunState.CANCELLED,
  };
  return runUpdate(host.name, refOf(assign), { state: states[outcome], envelope });
}

export const result = {
  outputs: [
    {
      name: "manifest.json",
      digest: digestOf(new Uint8Array([1])),
      blake3: "3".repeat(64),
      sizeBytes: 1,
      mediaType: "application/json",
    },
  ],
  device: "cpu",
  backend: "portable",
  determinism: "bitwise",
  arithmetic: "",
} as const;

export function refOf({ runId, epoch }: Assign) {
  return { runId, epoch: Number(epoch) };
}
