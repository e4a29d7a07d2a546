/**
 * Whose turn it is, again and again, until all that can be placed has been. First jobs that others
 * made room for; then whoever claims devices of its own before whoever borrows; then the smaller
 * share; then the higher priority, which grows with waiting, so that nothing starves; then the earlier
 * job. At last come those about which nothing is known yet, whether there is room or not, as many as
 * may be told why they wait.
 */
import type { DeviceKind } from "../../model/host.js";
import type { Line, Waiting } from "./line.js";
import type { Queue } from "./queue.js";
import type { Claim, Shares } from "./shares.js";

/** So much waiting is worth one step of priority. */
export const agingMs = 10 * 60_000;

/** Of those behind a job whose reason is another one now. */
const askedAgainMax = 64;
/** As placement calls it. */
const quotaRule = "quota.devices";

const claimRanks: Readonly<Record<Claim, number>> = { own: 0, lent: 1, none: 2 };

interface Front {
  readonly line: Line;
  readonly job: Waiting;
  readonly rank: number;
  readonly share: number;
  readonly priority: number;
}

/** How many jobs may still be told why they wait, and whether some were left untold. */
export interface Words {
  left: number;
  owed: boolean;
}

export class Round {
  readonly shares: Shares;
  readonly #queue: Queue;
  readonly #nowMs: number;
  readonly #aside: { readonly line: Line; readonly job: Waiting }[] = [];
  readonly #looksAtAll: boolean;
  readonly #words: Words;
  #first: Waiting[] = [];
  #undecided: readonly Waiting[] | undefined;
  #undecidedAt = 0;
  #front: Front | undefined;
  /** Whose front was the last to be looked at. */
  #lookedAt: string | undefined;
  /** Of each owner, as long as nothing of it has been looked at since; what comes meanwhile is the next round's. */
  #fronts: Map<string, Front> | undefined;

  /** `looksAtAll`: also without room, since runs may be found that have to make some. */
  constructor(
    queue: Queue,
    shares: Shares,
    nowMs: number,
    looksAtAll = false,
    words: Words = { left: Number.POSITIVE_INFINITY, owed: false },
  ) {
    this.#words = words;
    this.#looksAtAll = looksAtAll;
    this.#queue = queue;
    this.shares = shares;
    this.#nowMs = nowMs;
  }

  /** Others have made room for these. */
  putFirst(ids: readonly string[]): void {
    this.#first.push(...ids.flatMap((id) => this.#queue.get(id) ?? []));
  }

  /** What became of a job is to be said before the next one is asked for. */
  next(hasRoom: boolean): Waiting | undefined {
    this.#front = undefined;
    const looksAtAll = hasRoom || this.#looksAtAll;
    const first = this.#first.shift() ?? (looksAtAll ? this.#nextInTurn() : undefined);
    return first ?? this.#nextUndecided();
  }

  placed({ id, owner, devices }: Waiting, kind: DeviceKind): void {
    this.shares.take(owner, kind, devices);
    this.#queue.remove(id);
  }

  /** It has ended, or is not there any more; one that was queued anew meanwhile is another one. */
  left(job: Waiting): void {
    if (this.#queue.get(job.id) === job) this.#queue.remove(job.id);
  }

  /** So do all alike, until the next round. */
  waits(job: Waiting): void {
    if (this.#front?.job !== job) return;
    const { line } = this.#front;
    this.#queue.setAside(job, line);
    this.#aside.push({ line, job });
  }

  /** It waits for another reason than before: so do those behind it, and the next of them are told. */
  askAgain(job: Waiting): void {
    const line = this.#front?.job === job ? this.#front.line : undefined;
    for (const next of line?.behind(askedAgainMax) ?? []) this.#queue.askAgain(next);
  }

  end(): void {
    for (const { line, job } of this.#aside.splice(0)) this.#queue.restore(job, line);
  }

  #nextInTurn(): Waiting | undefined {
    for (;;) {
      const first = this.#firstFront();
      this.#front = first;
      if (first === undefined) return undefined;
      this.#lookedAt = first.job.owner;
      // Whoever may have nothing more, and knows it, is not asked about again.
      if (first.rank < claimRanks.none || first.job.rule !== quotaRule) return first.job;
      this.waits(first.job);
    }
  }

  #nextUndecided(): Waiting | undefined {
    if (this.#words.left < 1) {
      this.#words.owed = true;
      return undefined;
    }
    this.#undecided ??= this.#queue.undecided();
    for (;;) {
      const job = this.#undecided[this.#undecidedAt];
      if (job === undefined) return undefined;
      this.#undecidedAt += 1;
      if (job.isDecided || job.isGone) continue;
      this.#words.left -= 1;
      return job;
    }
  }

  #firstFront(): Front | undefined {
    this.#fronts ??= this.#allFronts();
    if (this.#lookedAt !== undefined) this.#lookAt(this.#fronts, this.#lookedAt);
    let first: Front | undefined;
    for (const [owner, known] of this.#fronts) {
      const front = known.job.isGone ? this.#lookAt(this.#fronts, owner) : known;
      if (front !== undefined && (first === undefined || isBefore(front, first))) first = front;
    }
    return first;
  }

  #allFronts(): Map<string, Front> {
    const fronts = new Map<string, Front>();
    for (const owner of [...this.#queue.owners]) this.#lookAt(fronts, owner);
    return fronts;
  }

  #lookAt(fronts: Map<string, Front>, owner: string): Front | undefined {
    const front = this.#frontOf(owner);
    if (front === undefined) fronts.delete(owner);
    else fronts.set(owner, front);
    return front;
  }

  #frontOf(owner: string): Front | undefined {
    let first: Front | undefined;
    const share = this.shares.share(owner);
    for (const { line, job } of this.#queue.fronts(owner)) {
      const rank = claimRanks[this.shares.bestClaim(owner, job.kinds, job.devices)];
      const front = { line, job, rank, share, priority: this.#agedPriority(job) };
      if (first === undefined || isBefore(front, first)) first = front;
    }
    return first;
  }

  #agedPriority({ priority, sinceMs }: Waiting): number {
    return priority + Math.floor(Math.max(0, this.#nowMs - sinceMs) / agingMs);
  }
}

function isBefore(a: Front, b: Front): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank;
  if (a.share !== b.share) return a.share < b.share;
  if (a.priority !== b.priority) return a.priority > b.priority;
  return a.job.position < b.job.position;
}
