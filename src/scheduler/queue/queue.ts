/**
 * All jobs that wait to be placed, so kept that a round looks at one job of each kind and owner, and
 * at no more of those that ask for the same until the first of them has been placed.
 */
import { Heap } from "./heap.js";
import { Line, type Waiting } from "./line.js";

interface Level {
  readonly lines: Map<string, Line>;
  readonly heap: Heap;
}

export class Queue {
  readonly #owners = new Map<string, Map<number, Level>>();
  readonly #jobs = new Map<string, Waiting>();
  #undecided: Waiting[] = [];

  get size(): number {
    return this.#jobs.size;
  }

  get owners(): Iterable<string> {
    return this.#owners.keys();
  }

  get(id: string): Waiting | undefined {
    return this.#jobs.get(id);
  }

  add(job: Waiting): void {
    this.remove(job.id);
    this.#jobs.set(job.id, job);
    if (!job.isDecided) this.#undecided.push(job);
    const levels = this.#owners.get(job.owner) ?? new Map<number, Level>();
    this.#owners.set(job.owner, levels);
    const level = levels.get(job.priority) ?? newLevel();
    levels.set(job.priority, level);
    const line = level.lines.get(job.wish) ?? new Line(job.wish);
    level.lines.set(job.wish, line);
    line.add(job);
    if (line.where === "nowhere") show(level, line);
    else if (line.where === "heap" && line.refresh()) level.heap.rebuild();
  }

  remove(id: string): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    job.isGone = true;
    this.#jobs.delete(id);
  }

  /** What is known about it holds no longer. */
  askAgain(job: Waiting): void {
    if (!job.isDecided || job.isGone) return;
    job.isDecided = false;
    this.#undecided.push(job);
  }

  /** The jobs about which nothing has been decided, first queued first. */
  undecided(): readonly Waiting[] {
    this.#undecided = this.#undecided.filter(({ isDecided, isGone }) => !isDecided && !isGone);
    return this.#undecided;
  }

  /** Of each priority of the owner the first line and its first job; lines that are set aside have none. */
  *fronts(owner: string): Iterable<{ readonly line: Line; readonly job: Waiting }> {
    const levels = this.#owners.get(owner);
    if (levels === undefined) return;
    for (const [priority, level] of levels) {
      const line = level.heap.top();
      if (line?.first !== undefined) yield { line, job: line.first };
      else if (level.lines.size === 0) levels.delete(priority);
    }
    if (levels.size === 0) this.#owners.delete(owner);
  }

  /** Takes a line out of what is looked at. */
  setAside({ owner, priority }: Waiting, line: Line): void {
    this.#owners.get(owner)?.get(priority)?.heap.remove(line);
    line.where = "aside";
  }

  /** Puts it back. */
  restore({ owner, priority }: Waiting, line: Line): void {
    const level = this.#owners.get(owner)?.get(priority);
    if (level !== undefined && line.where === "aside") show(level, line);
  }
}

function newLevel(): Level {
  const lines = new Map<string, Line>();
  const heap = new Heap((line) => {
    line.where = "nowhere";
    lines.delete(line.wish);
  });
  return { lines, heap };
}

function show({ heap }: Level, line: Line): void {
  line.refresh();
  line.where = "heap";
  heap.push(line);
}
