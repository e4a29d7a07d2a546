/** Someone who submits jobs, asks again when no answer comes, and now and then cancels one. */
import { timestamp } from "../../src/base/clock.js";
import { QuipuError } from "../../src/base/errors.js";
import type { Core } from "../../src/coordinator/core.js";
import { submitJobs } from "../../src/coordinator/job/admission.js";
import { cancelJob } from "../../src/coordinator/job/cancel.js";
import type { JobRecord } from "../../src/io/store/records.js";
import { jobBytes, jobSpec } from "../../src/model/job.js";
import { poisonName } from "./agent-node.js";
import type { CoordinatorNode } from "./coordinator-node.js";
import { insist } from "./insist.js";
import type { World } from "./world.js";

const submissionsMax = 8;
/** How long a client that will cancel a job waits for its placement. */
const placedMsMax = 3_000;
const owners = ["a", "b", "c"];

function nameOf(key: string, at: number): string {
  return `${key}-${at}`;
}

/** Clocks are minutes off, so one that is minutes away passes at any time, or never. */
function deadlineAt(ms: number): string {
  return timestamp(1_800_000_000_000 + ms);
}

export class Client {
  readonly #world: World;
  readonly #coordinator: CoordinatorNode;
  /** Jobs that an answer named. None of them may ever be forgotten. */
  readonly acknowledged = new Set<string>();
  /** Jobs whose cancel was answered, and when. */
  readonly cancelled = new Map<string, number>();
  #open = 0;

  constructor(world: World, coordinator: CoordinatorNode) {
    this.#world = world;
    this.#coordinator = coordinator;
  }

  /** Whether every question has been answered. */
  get done(): boolean {
    return this.#open === 0;
  }

  /** Plans all submissions within `untilMs`. */
  start(untilMs: number): void {
    const { time, chance, weather } = this.#world;
    const count = chance.between(2, submissionsMax);
    const rushAtMs = chance.between(0, untilMs / 2);
    for (let i = 0; i < count; i += 1) {
      this.#open += 1;
      const afterMs = chance.between(0, untilMs);
      time.after(weather.isRush ? rushAtMs : afterMs, () => void this.#submit(`key-${i}`));
    }
  }

  async #submit(key: string): Promise<void> {
    const { chance, weather, time } = this.#world;
    const specs: Uint8Array[] = [];
    const count = chance.between(1, 3);
    for (let at = 0; at < count; at += 1) specs.push(this.#spec(key, at));
    const ids = await this.#submitted(key, specs);
    for (const { id } of ids) this.acknowledged.add(id);
    if (ids.length > 0 && chance.hit(0.3)) {
      const again = await this.#insist((core) => submitJobs(core, key, specs));
      const same = again.map(({ id }) => id).join() === ids.map(({ id }) => id).join();
      if (!same) this.#world.violated(`submission ${key} made jobs twice`);
    }
    for (const { id } of ids) {
      if (!chance.hit(weather.cancelRate)) continue;
      if (chance.hit(0.3)) await this.#placed(id);
      else await time.delay(chance.between(0, chance.pick([30, 800, 3_000])));
      await this.#cancel(id);
    }
    this.#open -= 1;
  }

  /** None where a job that one of them comes after had ended badly by then. */
  async #submitted(key: string, specs: readonly Uint8Array[]): Promise<readonly JobRecord[]> {
    try {
      return await this.#insist((core) => submitJobs(core, key, specs));
    } catch (thrown) {
      // A deadline that passed before anyone was reached is no job's any more.
      const { code } = QuipuError.from(thrown);
      if (code !== "CONFLICT" && code !== "JOB_FILE_INVALID") this.#missing(thrown);
      return [];
    }
  }

  /** Of a job that was acknowledged; anything else is a fault of the simulator. */
  #missing(thrown: unknown): void {
    const { code, message } = QuipuError.from(thrown);
    if (code !== "NOT_FOUND") throw thrown;
    this.#world.violated(message);
  }

  async #cancel(id: string): Promise<void> {
    this.#world.counts.cancels += 1;
    try {
      await this.#insist((core) => cancelJob(core, id, "changed my mind"));
      this.cancelled.set(id, this.#world.time.nowMs);
    } catch (thrown) {
      if (QuipuError.from(thrown).code !== "CONFLICT") this.#missing(thrown); // it had ended already
    }
  }

  /** Sees it in the database, where it may be before anyone is told. */
  async #placed(id: string): Promise<void> {
    const { time } = this.#world;
    const late = time.delay(placedMsMax).then(() => true);
    for (let isLate = false; !isLate; ) {
      if ((await this.#coordinator.store.jobs.get(id))?.state !== "queued") return;
      isLate = await Promise.race([this.#coordinator.nextCommit().then(() => false), late]);
    }
  }

  /** Now and then others first: one of the same submission, one of those before, or both. */
  #after(key: string, at: number): { readonly after?: readonly string[] } {
    const { chance } = this.#world;
    const known = [...this.acknowledged];
    const others = known.length > 0 && chance.hit(0.15) ? [chance.pick(known)] : [];
    if (at > 0 && chance.hit(0.4)) others.push(nameOf(key, 0));
    return others.length === 0 ? {} : { after: others };
  }

  /** Not of the first of a submission, after which others may come. */
  #gang(at: number): { readonly gang?: object } {
    const { chance } = this.#world;
    if (at === 0 || chance.hit(0.7)) return {};
    const spread = chance.hit(0.5) ? { spread: "hosts" } : {};
    return { gang: { size: chance.between(2, 3), ...spread } };
  }

  #insist<T>(ask: (core: Core) => Promise<T>): Promise<T> {
    return insist(this.#world, this.#coordinator, ask);
  }

  #spec(key: string, at: number): Uint8Array {
    const { chance } = this.#world;
    const dataSet = chance.pick([undefined, "open", "people"]);
    const hosts = chance.hit(0.15) ? { placement: { hosts: ["de-1"] } } : {};
    return jobBytes(
      jobSpec.parse({
        version: "quipu.dev/v1",
        name: at > 0 && chance.hit(0.15) ? `${poisonName}-${at}` : nameOf(key, at),
        ...this.#after(key, at),
        ...(dataSet === undefined ? {} : { dataSet }),
        ...hosts,
        owner: chance.pick(owners),
        ...(chance.hit(0.1)
          ? { deadline: deadlineAt(this.#world.time.nowMs + chance.between(500_000, 700_000)) }
          : {}),
        ...chance.pick([{}, {}, { priority: 3 }, { priority: -2 }]),
        ...this.#gang(at),
        attemptsMax: chance.pick([1, 3, 10]),
        task: { driver: "hash" },
      }),
    );
  }
}
