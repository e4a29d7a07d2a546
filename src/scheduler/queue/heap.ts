/** Lines in the order of their first jobs. */
import type { Line } from "./line.js";

/** A binary heap; the line whose first job was admitted first is on top. */
export class Heap {
  readonly #lines: Line[] = [];
  readonly #ranOut: (line: Line) => void;

  constructor(ranOut: (line: Line) => void) {
    this.#ranOut = ranOut;
  }

  push(line: Line): void {
    const lines = this.#lines;
    lines.push(line);
    for (let at = lines.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfLater(parent, at)) break;
      at = parent;
    }
  }

  pop(): void {
    const last = this.#lines.pop();
    if (last === undefined || this.#lines.length === 0) return;
    this.#lines[0] = last;
    this.#sink(0);
  }

  remove(line: Line): void {
    const at = this.#lines.indexOf(line);
    if (at === 0) this.pop();
    else if (at > 0) {
      this.#lines.splice(at, 1);
      this.rebuild();
    }
  }

  /** The first line that has a job. A job that left may have made lines fall back, never come forward. */
  top(): Line | undefined {
    for (;;) {
      const line = this.#lines[0];
      if (line === undefined) return undefined;
      if (line.refresh()) {
        this.#sink(0);
        continue;
      }
      if (line.first !== undefined) return line;
      this.pop();
      this.#ranOut(line);
    }
  }

  /** After a job came into a line before its first. */
  rebuild(): void {
    for (let at = this.#lines.length >> 1; at >= 0; at -= 1) this.#sink(at);
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const moved = this.#swapIfLater(at, this.#earlier(left, right));
      if (!moved) return;
      at = this.#sunkTo;
    }
  }

  #sunkTo = 0;

  #earlier(left: number, right: number): number {
    const [a, b] = [this.#lines[left], this.#lines[right]];
    return b !== undefined && a !== undefined && b.position < a.position ? right : left;
  }

  #swapIfLater(parent: number, child: number): boolean {
    const [a, b] = [this.#lines[parent], this.#lines[child]];
    if (a === undefined || b === undefined || a.position <= b.position) return false;
    this.#lines[parent] = b;
    this.#lines[child] = a;
    this.#sunkTo = child;
    return true;
  }
}
