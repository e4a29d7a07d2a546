/**
 * The jobs that wait, in memory as the database has them: read at the start, and told of every commit
 * that queues a job or ends one.
 */
import type { JobRecord } from "../../io/store/records.js";
import { wantedKinds } from "../../model/job.js";
import type { Waiting } from "../../scheduler/queue/line.js";
import { Queue } from "../../scheduler/queue/queue.js";
import { Round, type Words } from "../../scheduler/queue/round.js";
import { Shares } from "../../scheduler/queue/shares.js";
import type { Core } from "../core.js";
import type { RunningJob } from "../job/active-runs.js";
import { specOf } from "../job/specs.js";

const jobsPerPage = 1000;
/**
 * Jobs that are told why they wait, at once and in a second after it: of a crowd most are placed before
 * anybody asks, and telling each would cost as much as placing it.
 */
const wordsMax = 64;
const wordsPerSecond = 256;
/** For each thousand that wait. */
const lookEveryMs = 1_000;

export class JobQueue {
  readonly #core: () => Core;
  #queue = new Queue();
  #namesJobs = false;
  #looksAtAll = false;
  readonly #words: Words = { left: wordsMax, owed: false };
  #wordsAtMs = 0;
  #nextLookAtMs = 0;

  constructor(core: () => Core) {
    this.#core = core;
  }

  async load(): Promise<void> {
    const { store, policy } = this.#core().ports;
    this.#namesJobs = policy.namesJobs;
    this.#queue = new Queue();
    this.#looksAtAll = true;
    for (let position = 0; ; ) {
      const page = await store.jobs.queued(jobsPerPage, position);
      for (const job of page) this.add(job);
      if (page.length < jobsPerPage) return;
      position = page.at(-1)?.position ?? 0;
    }
  }

  /**
   * Whatever became of it: only one that may be placed is kept. A gang has one turn for all, and loses it
   * with any of its members.
   */
  add(job: JobRecord): void {
    if (job.state !== "queued" || job.waitsFor !== undefined) this.#queue.remove(turnOf(job));
    else this.#queue.add(waitingOf(job, this.#namesJobs));
  }

  /**
   * Without room nobody asks about those that wait, and the reasons why they do change all the same: so
   * all are looked at now and then, the more there are the more seldom.
   */
  lookNowAndThen(nowMs: number): void {
    if (this.#queue.size === 0 || nowMs < this.#nextLookAtMs) return;
    this.#nextLookAtMs = nowMs + lookEveryMs * Math.ceil(this.#queue.size / jobsPerPage);
    this.lookAgain();
    this.#core().wake();
  }

  /** Who may have what is otherwise: the next round looks at all, room or not. */
  lookAgain(): void {
    this.#looksAtAll = true;
  }

  /** Where rules begin to name jobs, those alike but for their names are alike no more. */
  async round(): Promise<Round> {
    const { ports } = this.#core();
    if (ports.policy.namesJobs !== this.#namesJobs) await this.load();
    const looksAtAll = this.#looksAtAll;
    this.#looksAtAll = false;
    this.#moreWords(ports.clock.bootMs());
    return new Round(this.#queue, this.shares(), ports.clock.wallMs(), looksAtAll, this.#words);
  }

  /** Some were not told yet why they wait: a round of their own is due. */
  get owesWords(): boolean {
    return this.#words.owed;
  }

  #moreWords(nowMs: number): void {
    const more = ((nowMs - this.#wordsAtMs) * wordsPerSecond) / 1000;
    this.#wordsAtMs = nowMs;
    this.#words.left = Math.min(wordsMax, this.#words.left + more);
    this.#words.owed = false;
  }

  shares(): Shares {
    const { quotas, fleet, runs } = this.#core();
    const used = (owner: string) => runs.usage(owner);
    return new Shares({ quotas, capacity: fleet.capacity(), used });
  }

  /** The same as if nothing ran. */
  idleShares(): Shares {
    const { quotas, fleet } = this.#core();
    return new Shares({ quotas, capacity: fleet.capacity(), used: () => undefined });
  }
}

/** What stands in the queue for the job. */
function turnOf({ id, gangId }: JobRecord): string {
  return gangId ?? id;
}

function waitingOf(job: JobRecord, namesJobs: boolean): Waiting {
  const { name, priority = 0, after, attemptsMax, deadline, gang, ...rest } = specOf(job);
  const { rank = 0, ...asked } = gang ?? {};
  const wish = { ...rest, gang: asked };
  return {
    id: turnOf(job),
    owner: job.owner,
    priority,
    // A gang waits where its first member was admitted; the others were admitted right behind it.
    position: job.position - rank,
    wish: JSON.stringify([namesJobs ? name : "", wish, job.failedHosts, job.auditId]),
    kinds: wantedKinds(wish.resources),
    devices: wish.resources.devices ?? 1,
    sinceMs: job.submittedAtMs,
    isDecided: job.decisionId !== "",
    rule: job.decisionId === "" ? "" : (job.waits?.intervals.at(-1)?.rule ?? ""),
    isGone: false,
  };
}

export function runningJob(job: JobRecord): RunningJob {
  const { name, owner, cancelReason, gangId } = job;
  return { name, owner, priority: specOf(job).priority ?? 0, cancelReason, gangId };
}
