/**
 * Turns `push(item)` into an AsyncIterable with a bound, for one reader: what either side of a
 * stream sends passes through one. A reader so slow that the bound is reached loses the queue
 * (LIMIT_EXCEEDED, backlog dropped): for a stream that is the end, and its owner starts a new one.
 */
import { QuipuError } from "./errors.js";

export class AsyncQueue<Item> implements AsyncIterable<Item> {
  readonly #itemsMax: number;
  readonly #items: Item[] = [];
  #wake: (() => void) | undefined;
  #closed = false;
  #failure: unknown;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  get size(): number {
    return this.#items.length;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** False when the queue takes no more: it ended, its reader left, or this item overflowed it. */
  push(item: Item): boolean {
    if (this.#closed) return false;
    if (this.#items.length >= this.#itemsMax) {
      const text = `a reader left ${this.#itemsMax} items waiting, the most this queue holds`;
      this.fail(new QuipuError("LIMIT_EXCEEDED", text, { next: "open a new stream" }));
      return false;
    }
    this.#items.push(item);
    this.#wakeReader();
    return true;
  }

  /** No more items; the reader still gets those that wait. */
  end(): void {
    this.#closed = true;
    this.#wakeReader();
  }

  /** Drops what waits; the reader's next step throws `failure`. */
  fail(failure: unknown): void {
    if (this.#closed) return;
    this.#failure = failure;
    this.#items.length = 0;
    this.end();
  }

  [Symbol.asyncIterator](): AsyncIterator<Item> {
    return {
      next: async () => {
        for (;;) {
          const item = this.#items.shift();
          if (item !== undefined) return { done: false, value: item };
          if (this.#failure !== undefined) {
            const failure = this.#failure;
            this.#failure = undefined;
            throw failure;
          }
          if (this.#closed) return { done: true, value: undefined };
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      },
      return: async () => {
        this.#items.length = 0;
        this.end();
        return { done: true, value: undefined };
      },
    };
  }

  #wakeReader(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
