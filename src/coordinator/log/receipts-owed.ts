/**
 * Receipts that were accepted and are not in the log yet, by run. While the log cannot be written they
 * gather. Past a limit nothing more is placed and no receipt taken in: agents keep theirs, and send them
 * again. It goes on by itself when half of what was owed is in the log.
 */
export const receiptsOwedMax = 16_384;

export class ReceiptsOwed implements Iterable<string> {
  readonly #runs = new Set<string>();
  readonly #turned: (isFull: boolean) => void;
  #isFull = false;

  /** `turned` is told when the limit is reached, and when it goes on. */
  constructor(turned: (isFull: boolean) => void) {
    this.#turned = turned;
  }

  /** Takes more than the limit all the same: what is staged is owed. */
  add(runId: string): void {
    this.#runs.add(runId);
    if (this.#isFull || this.#runs.size < receiptsOwedMax) return;
    this.#isFull = true;
    this.#turned(true);
  }

  delete(runId: string): void {
    this.#runs.delete(runId);
    if (!this.#isFull || this.#runs.size > receiptsOwedMax / 2) return;
    this.#isFull = false;
    this.#turned(false);
  }

  /** It could not be logged: those behind it come before it. */
  putLast(runId: string): void {
    if (this.#runs.delete(runId)) this.#runs.add(runId);
  }

  get size(): number {
    return this.#runs.size;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Why nothing is placed, in words; nothing when all is well. */
  get fault(): string | undefined {
    if (!this.#isFull) return undefined;
    return `${this.size} receipts wait for the log, which takes none: nothing is placed until it does`;
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#runs.values();
  }
}
