/** A host: the real agent over a disk that survives it, and work that the simulator only times. */
import { create } from "@bufbuild/protobuf";
import { Agent } from "../../src/agent/agent.js";
import type { Assignment } from "../../src/agent/assignment.js";
import type { RunReport } from "../../src/agent/ports.js";
import { digestOf } from "../../src/base/bytes.js";
import { QuipuError } from "../../src/base/errors.js";
import { seededRandom } from "../../src/base/random.js";
import type { Signer } from "../../src/base/signature.js";
import type { AttachRequest, AttachResponse } from "../../src/gen/quipu/v1/attach_pb.js";
import { InventorySchema } from "../../src/gen/quipu/v1/types_pb.js";
import type { Place } from "../../src/model/place.js";

import type { CoordinatorNode } from "./coordinator-node.js";
import { Life, MemoryFolder, unreliable } from "./disk.js";
import { Line, type Stream } from "./network.js";
import type { WorkWatch } from "./work-watch.js";
import type { World } from "./world.js";

const tickEveryMs = 250;
/** How long a worker takes to die when it is told to. */
const stopMsMax = 200;

/** A job whose name begins so takes its host with it. */
export const poisonName = "poison";

const hostFault = new QuipuError("DEVICE_LOST", "the device fell off the bus");
/** The same on every host, as a job's own fault is. */
const jobFault = new QuipuError("MODEL_INVALID", "the model is damaged");

/** Runs that a device takes at once. */
export function slotsOf(device: string): number {
  return device === "cpu" ? 2 : 1;
}

export interface HostFacts {
  readonly name: string;
  readonly place: Place;
  readonly devices: readonly string[];
  readonly dataSets: readonly string[];
}

export class AgentNode {
  readonly facts: HostFacts;
  readonly #world: World;
  readonly #coordinator: CoordinatorNode;
  readonly #work: WorkWatch;
  readonly #signer: Signer;
  readonly #journal = new MemoryFolder();
  readonly #spool = new MemoryFolder();
  readonly #bootOffsetMs: number;
  readonly #bootRate: number;
  readonly line = new Line();
  #stops = new Map<string, () => void>();
  #life: Life | undefined;
  #agent: Agent | undefined;
  #stream: Stream<AttachRequest, AttachResponse> | undefined;

  constructor(
    world: World,
    facts: HostFacts,
    coordinator: CoordinatorNode,
    work: WorkWatch,
    signer: Signer,
  ) {
    this.#world = world;
    this.facts = facts;
    this.#coordinator = coordinator;
    this.#work = work;
    this.#signer = signer;
    this.#bootOffsetMs = world.chance.between(0, 1_000_000);
    const { clockDriftPpm } = world.weather;
    this.#bootRate = 1 + world.chance.between(-clockDriftPpm, clockDriftPpm) / 1e6;
  }

  /** Up, with nothing left to do or to tell. */
  get idle(): boolean {
    return this.#agent !== undefined && this.#agent.view.runs.length === 0;
  }

  start(): void {
    const life = new Life((why) => this.crash(why));
    this.#life = life;
    this.#planCrash(life);
    void this.#recover(life);
  }

  crash(why: string): void {
    if (this.#life === undefined) return;
    this.#world.counts.agentCrashes += 1;
    this.#world.note(`${this.facts.name} crashes (${why})`);
    this.#life.over = true;
    this.#life = undefined;
    this.#agent = undefined;
    this.#stops = new Map();
    this.#work.hostDied(this.facts.name); // workers end with their agent
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.leaveAgent();
    this.#world.time.after(this.#world.chance.between(10, 4_000), () => this.start());
  }

  async #recover(life: Life): Promise<void> {
    const world = this.#world;
    const { name, place, devices, dataSets } = this.facts;
    const backends = ["portable"];
    const inventory = create(InventorySchema, {
      devices: devices.map((id) => {
        return { id, model: "simulated", memoryBytes: 2n ** 33n, backends, slots: slotsOf(id) };
      }),
      dataSets: dataSets.map((dataSet) => ({ name: dataSet })),
    });
    const identity = { host: name, place, version: "0.1.0", httpUrl: "", inventory };
    const seed = world.chance.between(1, 2 ** 31);
    const agent = await Agent.recover(identity, {
      clock: {
        wallMs: () => world.wallMs(),
        bootMs: () => this.#bootOffsetMs + this.#bootRate * world.time.nowMs,
      },
      random: seededRandom(seed),
      journal: unreliable(world, life, this.#journal, ["put", "delete"]),
      spool: unreliable(world, life, this.#spool, ["put", "delete"]),
      signer: this.#signer,
      runner: {
        start: (assignment) => this.#start(life, assignment),
        stop: (runId) => this.#stops.get(runId)?.(),
      },
      link: {
        send: (message) => {
          this.#work.said(name, message);
          this.#stream?.up(message);
        },
        drop: () => this.#dropped(),
      },
      observe: (event) => {
        if (event.kind === "run") world.note(`${name} ${event.run.runId} ${event.phase}`);
      },
    });
    if (life.over) return;
    this.#agent = agent;
    this.#tick(life, agent);
    this.#dial(life);
  }

  #tick(life: Life, agent: Agent): void {
    if (life.over) return;
    agent.tick();
    this.#world.time.after(tickEveryMs, () => this.#tick(life, agent));
  }

  #dial(life: Life): void {
    if (life.over || this.#stream !== undefined) return;
    const end = {
      receive: (message: AttachResponse) => this.#received(message),
      closed: () => {
        if (this.#stream === stream) this.#dropped();
      },
    };
    const stream = this.#coordinator.accept(this.line, end);
    if (stream === undefined) {
      this.#world.time.after(this.#world.chance.between(100, 1_000), () => this.#dial(life));
      return;
    }
    this.#stream = stream;
    this.#agent?.connected();
  }

  #received(message: AttachResponse): void {
    if (message.message.case === "runAck") this.#work.acknowledged(message.message.value);
    if (this.#world.canary === "unfenced" && message.message.case === "assign") {
      message.message.value.leaseMs *= 10n;
    }
    this.#agent?.received(message);
  }

  /** Its network is gone until then, and the agent hears of that late or at once. */
  blackOut(untilMs: number): void {
    this.line.dialFromMs = untilMs;
    this.#stream?.cut();
  }

  /** The agent gave the stream up, or it learned that it is gone; it dials again. */
  #dropped(): void {
    const [stream, life] = [this.#stream, this.#life];
    this.#stream = undefined;
    stream?.leaveAgent();
    this.#agent?.disconnected();
    if (life === undefined) return;
    const { chance, weather, time } = this.#world;
    time.after(chance.between(50, weather.redialMsMax), () => this.#dial(life));
  }

  #start(life: Life, assignment: Assignment): Promise<RunReport> {
    const { time, chance, weather, counts } = this.#world;
    counts.runsStarted += 1;
    this.#work.begin(this.facts, assignment);
    return new Promise((resolve) => {
      const stop = () => {
        counts.runsStopped += 1;
        const stopped = new QuipuError("CANCELLED", "the work was stopped");
        time.after(chance.between(0, stopMsMax), () => finish(failed(stopped)));
      };
      const finish = (report: RunReport) => {
        // Once; and never for a later start of the same run, granted again after its lease ended.
        if (life.over || this.#stops.get(assignment.runId) !== stop) return;
        this.#stops.delete(assignment.runId);
        this.#work.end(assignment);
        resolve(report);
      };
      this.#stops.set(assignment.runId, stop);
      const afterMs = chance.between(1, weather.workMsMax);
      if (assignment.job.name.startsWith(poisonName)) {
        time.after(afterMs, () => {
          if (!life.over && this.#stops.get(assignment.runId) === stop) this.crash("poisoned");
        });
        return;
      }
      const outcome = this.#outcomeOf(assignment);
      time.after(afterMs, () => finish(outcome));
    });
  }

  #outcomeOf(assignment: Assignment): RunReport {
    const { chance, weather } = this.#world;
    const half = weather.workFailureRate / 2;
    const share = Number.parseInt(assignment.jobDigest.slice(-8), 16) / 2 ** 32;
    if (share < half) return failed(jobFault);
    return chance.hit(half) ? failed(hostFault) : succeeded(assignment, this.#claimOf(assignment));
  }

  /** The bytes of its output; a liar's are his own. */
  #claimOf({ jobDigest, runId }: Assignment): string {
    if (!this.#world.lies(this.facts.name)) return jobDigest;
    this.#world.counts.lies += 1;
    this.#world.note(`${this.facts.name} lies about ${runId}`);
    return runId;
  }

  /** Some ends are orderly: the agent is told, stops what runs, and says so before it goes. */
  #planCrash(life: Life): void {
    const { time, chance } = this.#world;
    time.after(this.#world.waitMs(this.#world.weather.agentCrashEveryMs), () => {
      const calm = !Number.isFinite(this.#world.weather.agentCrashEveryMs);
      if (life.over || calm) return;
      if (!chance.hit(0.3)) return this.crash("by chance");
      this.#world.note(`${this.facts.name} is told to end`);
      this.#world.counts.agentEnds += 1;
      this.#agent?.end();
      time.after(1_000, () => {
        if (!life.over) this.crash("in order");
      });
    });
  }
}

const usage = { wallMs: 5, deviceMs: 5, cpuMs: 4, inputBytes: 3, outputBytes: 5 };

function failed(error: QuipuError): RunReport {
  return { failure: error.toJSON(), usage, isolation: "none" };
}

function succeeded({ device }: Assignment, claim: string): RunReport {
  const bytes = new TextEncoder().encode(claim);
  const output = {
    name: "manifest.json",
    digest: digestOf(bytes),
    blake3: "3".repeat(64),
    sizeBytes: bytes.length,
    mediaType: "application/json",
  };
  const how = { backend: "portable", determinism: "bitwise", arithmetic: "" } as const;
  return { result: { outputs: [output], device, ...how }, usage, isolation: "none" };
}
