/**
 * The end of a call, once, with its reason: what an AbortSignal is, at a fraction of its cost, since a
 * call waits on it for every message. The reason is made only when somebody asks.
 */
export class Ending {
  readonly #waiting = new Set<() => void>();
  #makeReason: (() => Error) | undefined;
  #reason: Error | undefined;

  get ended(): boolean {
    return this.#makeReason !== undefined;
  }

  /** Undefined before the end. */
  get reason(): Error | undefined {
    this.#reason ??= this.#makeReason?.();
    return this.#reason;
  }

  /** The first reason counts. */
  end(makeReason: () => Error): void {
    if (this.ended) return;
    this.#makeReason = makeReason;
    for (const listener of this.#waiting) listener();
    this.#waiting.clear();
  }

  /** Called once, at the end, or now when that is past; the returned function takes it back. */
  onEnd(listener: () => void): () => void {
    if (this.ended) listener();
    else this.#waiting.add(listener);
    return () => this.#waiting.delete(listener);
  }

  /** Waits for a promise, or throws the reason as soon as the end comes. */
  before<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = this.onEnd(() => reject(this.reason));
      promise.then(
        (value) => {
          forget();
          resolve(value);
        },
        (error: unknown) => {
          forget();
          reject(error);
        },
      );
    });
  }
}
