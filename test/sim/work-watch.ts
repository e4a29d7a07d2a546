/** Watches what happens while a simulation runs: where work really is, and what has ended. */
import type { Assignment } from "../../src/agent/assignment.js";
import { type AttachRequest, type RunAck, RunState } from "../../src/gen/quipu/v1/attach_pb.js";
import type { CoordinatorStore } from "../../src/io/store/coordinator-store.js";
import type { JobRecord } from "../../src/io/store/records.js";
import type { DataSet } from "../../src/model/data-set.js";
import type { GangSeat } from "../../src/model/gang.js";
import { isTerminal } from "../../src/model/job.js";
import type { HostFacts } from "./agent-node.js";
import { simTimes } from "./coordinator-node.js";
import type { World } from "./world.js";

/** A cancel comes again with whatever renews a lease: two leases later no work can have missed it. */
const stopMsMax = 2 * simTimes.leaseMs;

interface Work {
  readonly host: string;
  readonly jobId: string;
  readonly sinceMs: number;
}

/** Watches where work really runs: no job at two places at once, and none where it may not be. */
export class WorkWatch {
  readonly #world: World;
  readonly #dataSets: ReadonlyMap<string, DataSet>;
  readonly #works = new Map<string, Work>();
  /** Runs whose receipt an agent was told is accepted, with their place in the log. */
  readonly accepted = new Map<string, number>();
  readonly #store: CoordinatorStore;

  constructor(world: World, store: CoordinatorStore, dataSets: ReadonlyMap<string, DataSet>) {
    this.#world = world;
    this.#store = store;
    this.#dataSets = dataSets;
  }

  begin(host: HostFacts, { jobId, runId, epoch, job, gang }: Assignment): void {
    this.#world.note(`${host.name} begins ${runId} of ${jobId}`);
    for (const [other, work] of this.#works) {
      if (work.jobId !== jobId) continue;
      this.#world.violated(
        `${host.name} begins ${runId} of ${jobId} while ${work.host} is at ${other}`,
      );
    }
    if (this.accepted.has(runId)) {
      this.#world.violated(`${host.name} begins ${runId}, whose receipt is accepted`);
    }
    this.#works.set(runId, { host: host.name, jobId, sinceMs: this.#world.time.nowMs });
    void this.#checkOrder(jobId);
    if ((job.gang === undefined) !== (gang === undefined)) {
      this.#world.violated(`${jobId} is a member of a gang and was not told of it`);
    }
    if (gang !== undefined) void this.#checkGang(jobId, epoch, gang);
    const dataSet = job.dataSet === undefined ? undefined : this.#dataSets.get(job.dataSet);
    const { countries = [], dataClass = "public" } = dataSet ?? {};
    const anywhere = dataClass === "public" && countries.length === 0;
    if (!anywhere && !countries.includes(host.place.country)) {
      this.#world.violated(`${jobId} runs on ${dataSet?.name} in ${host.place.country}`);
    }
  }

  /** Whatever comes before a job that runs has succeeded by then. */
  async #checkOrder(jobId: string): Promise<void> {
    for (const { afterId } of await this.#store.jobLinks.needs(jobId)) {
      const state = (await this.#store.jobs.get(afterId))?.state;
      this.#world.counts.followed += 1;
      if (state !== "succeeded") this.#world.violated(`${jobId} runs and ${afterId} is ${state}`);
    }
  }

  /** No member begins unless all have been granted as many runs, and each knows the others. */
  async #checkGang(jobId: string, epoch: number, { rank, members }: GangSeat): Promise<void> {
    this.#world.counts.ganged += 1;
    if (members[rank]?.jobId !== jobId) this.#world.violated(`${jobId} has not rank ${rank}`);
    for (const member of members) {
      const granted = (await this.#store.jobs.get(member.jobId))?.epoch ?? 0;
      if (granted >= epoch) continue;
      this.#world.violated(`${jobId} runs for the ${epoch}th time, ${member.jobId} ${granted}`);
    }
  }

  /** Looks now and then: what was cancelled comes to its end. */
  look(cancelled: ReadonlyMap<string, number>): void {
    for (const [runId, { host, jobId, sinceMs }] of this.#works) {
      const fromMs = Math.max(sinceMs, cancelled.get(jobId) ?? Number.POSITIVE_INFINITY);
      if (this.#world.time.nowMs - fromMs <= stopMsMax) continue;
      this.#world.violated(`${host} works on at ${runId}, and ${jobId} is cancelled`);
    }
  }

  /** An agent speaks. */
  said(host: string, { message }: AttachRequest): void {
    if (message.case !== "runUpdate" || message.value.state !== RunState.LOST) return;
    const { runId } = message.value;
    if (!this.accepted.has(runId)) return;
    this.#world.violated(`${host} says that ${runId} is lost, whose receipt is accepted`);
  }

  end({ runId }: Assignment): void {
    this.#works.delete(runId);
  }

  hostDied(host: string): void {
    for (const [runId, work] of this.#works) if (work.host === host) this.#works.delete(runId);
  }

  acknowledged({ runId, accepted, logIndex }: RunAck): void {
    if (!accepted || logIndex < 0n) return;
    const before = this.accepted.get(runId);
    if (before !== undefined && before !== Number(logIndex)) {
      this.#world.violated(`${runId} was acknowledged at ${before} and at ${logIndex}`);
    }
    this.accepted.set(runId, Number(logIndex));
  }
}

/** Looks now and then: what has ended stays as it ended. */
export class EndWatch {
  readonly #world: World;
  readonly #ended = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  look(jobs: readonly JobRecord[]): void {
    for (const { spec, result, ...job } of jobs) {
      const before = this.#ended.get(job.id);
      if (before === undefined && !isTerminal(job.state)) continue;
      const { logIndex: _, ...said } = result ?? {}; // where its receipt is comes to be known later
      const now = JSON.stringify({ ...job, said }); // rows name their members in one order
      if (before !== undefined && before !== now) {
        this.#world.violated(`${job.id} changed after its end: ${before} became ${now}`);
      }
      if (isTerminal(job.state)) this.#ended.set(job.id, now);
    }
  }
}
