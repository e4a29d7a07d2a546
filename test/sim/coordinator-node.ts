/** The real coordinator over a database and a log that survive it. */
import { QuipuError } from "../../src/base/errors.js";
import { seededRandom } from "../../src/base/random.js";
import type { Signer } from "../../src/base/signature.js";
import { type AgentStream, Coordinator, tickEveryMs } from "../../src/coordinator/coordinator.js";
import type { CoordinatorEvent, ReceiptLog } from "../../src/coordinator/ports.js";
import type { AttachRequest, AttachResponse } from "../../src/gen/quipu/v1/attach_pb.js";
import type { CoordinatorStore, StoreTables } from "../../src/io/store/coordinator-store.js";
import { Sequencer } from "../../src/proof/tlog/sequencer.js";
import type { PolicyEngine } from "../../src/scheduler/policy/engine.js";
import { type LogDisk, MemoryLogStore, newLogDisk } from "../memory-log-store.js";
import { Life, unreliable, withSlowReads } from "./disk.js";
import type { FleetWatch } from "./fleet-watch.js";
import { type Line, Stream, type StreamEnd } from "./network.js";
import type { Canary, World } from "./world.js";

export const simTimes = { heartbeatMs: 1_000, leaseMs: 5_000, leaseMarginMs: 1_000 } as const;
export const logOrigin = "quipu.example/simulated";

export interface Keys {
  readonly log: Signer;
  readonly grants: Signer;
}

export class CoordinatorNode {
  readonly disk: LogDisk = newLogDisk();
  readonly store: CoordinatorStore;
  /** Grows with each write to the store that was begun. */
  commits = 0;
  #committed: (() => void)[] = [];
  readonly #world: World;
  readonly #policy: PolicyEngine;
  readonly #keys: Keys;
  readonly #watch: FleetWatch;
  readonly #bootOffsetMs: number;
  readonly #streams = new Set<Stream<AttachRequest, AttachResponse>>();
  #life: Life | undefined;
  #coordinator: Coordinator | undefined;

  constructor(
    world: World,
    store: CoordinatorStore,
    policy: PolicyEngine,
    keys: Keys,
    watch: FleetWatch,
  ) {
    this.#world = world;
    this.#watch = watch;
    this.store = store;
    this.#policy = policy;
    this.#keys = keys;
    this.#bootOffsetMs = world.chance.between(0, 1_000_000);
  }

  /** Undefined while it is down or starting. */
  get running(): Coordinator | undefined {
    return this.#coordinator;
  }

  start(): void {
    const life = new Life((why) => this.crash(why));
    this.#life = life;
    const { time, weather } = this.#world;
    time.after(this.#world.waitMs(weather.coordinatorCrashEveryMs), () => {
      const calm = !Number.isFinite(this.#world.weather.coordinatorCrashEveryMs);
      if (!life.over && !calm) this.crash("by chance");
    });
    this.store.writesAlone(); // a process that begins remembers nothing
    this.#boot(life).catch((thrown: unknown) => {
      if (!life.over) this.crash(`cannot start: ${QuipuError.from(thrown).message}`);
    });
  }

  crash(why: string): void {
    if (this.#life === undefined) return;
    this.#world.counts.coordinatorCrashes += 1;
    this.#world.note(`coordinator crashes (${why})`);
    this.#life.over = true;
    this.#life = undefined;
    this.#coordinator = undefined;
    this.#watch.coordinatorDied();
    for (const stream of this.#streams) stream.leaveCoordinator();
    this.#streams.clear();
    this.#world.time.after(this.#world.chance.between(10, 6_000), () => this.start());
  }

  /** Resolves when something becomes durable, which nobody need have been told yet. */
  nextCommit(): Promise<void> {
    return new Promise((resolve) => this.#committed.push(resolve));
  }

  /** A stream from an agent; undefined when nobody listens. */
  accept(
    line: Line,
    agent: StreamEnd<AttachResponse>,
  ): Stream<AttachRequest, AttachResponse> | undefined {
    const coordinator = this.#coordinator;
    if (coordinator === undefined || line.dialFromMs > this.#world.time.nowMs) return undefined;
    let session: AgentStream | undefined;
    const stream: Stream<AttachRequest, AttachResponse> = new Stream(this.#world, line, agent, {
      receive: (message) => void session?.receive(message),
      closed: () => session?.close(),
    });
    session = coordinator.open({
      send: (message) => stream.down(message),
      close: () => {
        this.#streams.delete(stream);
        stream.leaveCoordinator();
      },
    });
    this.#streams.add(stream);
    return stream;
  }

  async #boot(life: Life): Promise<void> {
    const world = this.#world;
    const clock = {
      wallMs: () => world.wallMs(),
      bootMs: () => this.#bootOffsetMs + world.time.nowMs,
    };
    const files = unreliable(world, life, new MemoryLogStore(this.disk), [
      "compareAndSwap",
      "stage",
      "publish",
      "publishCheckpoint",
    ]);
    const log = await Sequencer.open({
      store: files,
      signer: this.#keys.log,
      origin: logOrigin,
      clock,
    });
    const coordinator = await Coordinator.start(
      {
        clock,
        random: seededRandom(world.chance.between(1, 2 ** 31)),
        store: this.#storeOf(life),
        log: this.#logOf(log),
        policy: this.#policy,
        prices: [],
        artifacts: { sizeOf: async () => 1, list: async () => [] },
        grants: { signer: this.#keys.grants, artifactUrl: "http://127.0.0.1:1" },
        noticeSigner: this.#keys.grants,
        defer: (task) => world.time.after(1, () => (life.over ? undefined : task())),
        observe: (event) => this.#observe(life, event),
      },
      { version: "0.1.0", ...simTimes, tilesUrl: "", audits: world.audits },
    );
    if (life.over) return;
    if (world.canary === "overdrawn") coordinator.core.quotas.clear();
    this.#coordinator = coordinator;
    this.#tick(life, coordinator);
  }

  #tick(life: Life, coordinator: Coordinator): void {
    if (life.over) return;
    void coordinator.tick();
    this.#world.time.after(tickEveryMs, () => this.#tick(life, coordinator));
  }

  #storeOf(life: Life): CoordinatorStore {
    const { canary, chance, weather, counts } = this.#world;
    const { transact } = this.store;
    const canaries: Partial<Record<Canary, CoordinatorStore["transact"]>> = {
      unwritten: (work) => forgetful(this.store, work, chance.hit(0.05)),
      unordered: (work) => transact((tables) => work(impatient(tables))),
    };
    const built = canary === undefined ? undefined : canaries[canary];
    const counted: CoordinatorStore["transact"] = (work) => {
      this.commits += 1;
      const isFaulty = chance.hit(weather.diskFaultRate);
      if (isFaulty) counts.diskFaults += 1;
      return (built ?? transact)(isFaulty ? failingLast(work) : work).finally(() => {
        for (const go of this.#committed.splice(0)) go();
      });
    };
    const store = { ...withSlowReads(this.#world, life, this.store), transact: counted };
    return unreliable(this.#world, life, store, ["transact"]);
  }

  #logOf(log: Sequencer): ReceiptLog {
    if (this.#world.canary !== "doubled-log") return log;
    return {
      verifierKey: log.verifierKey,
      head: () => log.head(),
      inclusion: (index) => log.inclusion(index),
      leafHashes: (first, end) => log.leafHashes(first, end),
      append: async (entry) => {
        await log.append(entry);
        return await log.append(entry);
      },
    };
  }

  #observe(life: Life, event: CoordinatorEvent): void {
    if (life.over) return;
    this.#watch.observe(event);
    if (event.kind === "job" && event.text.includes("comes first")) {
      this.#world.counts.preempted += 1;
    }
    if (event.kind === "trouble") {
      this.#world.note(`coordinator trouble: ${event.what}: ${event.error.message}`);
      if (event.error.code === "VERIFICATION_FAILED") this.#world.counts.rejected += 1;
      if (event.error.code === "INTERNAL") this.#world.violated(`INTERNAL: ${event.error.message}`);
    } else {
      this.#world.note(`coordinator ${event.kind}: ${aboutOf(event)}`);
      if (event.kind === "brake" && event.on) this.#world.counts.brakes += 1;
    }
  }
}

function aboutOf(event: Exclude<CoordinatorEvent, { kind: "trouble" }>): string {
  if (event.kind === "job") return `${event.jobId} ${event.text}`;
  return event.kind === "brake" ? `${event.site} ${event.on}` : event.host;
}

/** The database refuses what was written: this work is undone, and those that share its commit are not. */
function failingLast<T>(
  work: (tables: StoreTables) => Promise<T>,
): (tables: StoreTables) => Promise<T> {
  return async (tables) => {
    await work(tables);
    throw new QuipuError("IO", "the database fails on purpose", { cause: "its disk" });
  };
}

/** The canary: jobs wait for no others. */
function impatient(tables: StoreTables): StoreTables {
  const { jobs } = tables;
  const insert: StoreTables["jobs"]["insert"] = (records) =>
    jobs.insert(records.map(({ waitsFor: _, ...record }) => record));
  return { ...tables, jobs: { ...jobs, insert } };
}

/** The canary: says that it wrote, and did not. */
async function forgetful<T>(
  store: CoordinatorStore,
  work: (tables: StoreTables) => Promise<T>,
  forget: boolean,
): Promise<T> {
  if (!forget) return await store.transact(work);
  let value: { readonly made: T } | undefined;
  const undo = new Error("undone on purpose");
  await store
    .transact(async (tables) => {
      value = { made: await work(tables) };
      throw undo;
    })
    .catch((thrown: unknown) => {
      if (value === undefined) throw thrown;
    });
  return (value as { readonly made: T }).made;
}
