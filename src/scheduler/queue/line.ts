/** Jobs of one owner and priority that ask for the same, first admitted first. */
import type { DeviceKind } from "../../model/host.js";

export interface Waiting {
  readonly id: string;
  readonly owner: string;
  readonly priority: number;
  /** Order of admission. */
  readonly position: number;
  /** What it asks for, as text: the same answer holds for all alike. */
  readonly wish: string;
  /** Kinds of device that it can take. */
  readonly kinds: readonly DeviceKind[];
  /** How many of one of them. */
  readonly devices: number;
  readonly sinceMs: number;
  /** Something has been decided about it since it was queued. */
  isDecided: boolean;
  /** Why it waits, as far as anybody has asked; empty before. */
  rule: string;
  isGone: boolean;
}

export class Line {
  /** Of its first job as the heap knows it. */
  position = Number.POSITIVE_INFINITY;
  /** `aside` while it is not looked at. */
  where: "heap" | "aside" | "nowhere" = "nowhere";
  readonly wish: string;
  readonly #jobs: Waiting[] = [];
  #start = 0;

  constructor(wish: string) {
    this.wish = wish;
  }

  get first(): Waiting | undefined {
    let job = this.#jobs[this.#start];
    while (job?.isGone) {
      this.#start += 1;
      job = this.#jobs[this.#start];
    }
    if (this.#start > 1024 && 2 * this.#start > this.#jobs.length) {
      this.#jobs.splice(0, this.#start);
      this.#start = 0;
    }
    return job;
  }

  add(job: Waiting): void {
    const jobs = this.#jobs;
    if ((jobs.at(-1)?.position ?? -1) < job.position) {
      jobs.push(job);
      return;
    }
    let [low, high] = [this.#start, jobs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((jobs[middle] as Waiting).position < job.position) low = middle + 1;
      else high = middle;
    }
    jobs.splice(low, 0, job);
  }

  /** Those behind the first, at most so many. */
  behind(count: number): readonly Waiting[] {
    return this.#jobs.slice(this.#start + 1, this.#start + 1 + count);
  }

  /** Whether its first job is another than the heap knows. */
  refresh(): boolean {
    const position = this.first?.position ?? Number.POSITIVE_INFINITY;
    if (position === this.position) return false;
    this.position = position;
    return true;
  }
}
