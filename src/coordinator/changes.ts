/** Tells watchers that a job changed. Changes that come before a watcher looks again become one. */

export interface Watch {
  /** Resolves at the next change since the last call, at once when one came meanwhile. */
  next(signal: AbortSignal): Promise<void>;
  close(): void;
}

export class Changes {
  readonly #watchers = new Map<string, Set<() => void>>();

  changed(jobId: string): void {
    for (const wake of this.#watchers.get(jobId) ?? []) wake();
  }

  watch(jobId: string): Watch {
    let pending = false;
    let resume: (() => void) | undefined;
    const wake = () => {
      pending = true;
      resume?.();
    };
    const watchers = this.#watchers.get(jobId) ?? new Set();
    this.#watchers.set(jobId, watchers.add(wake));
    return {
      async next(signal) {
        if (!pending && !signal.aborted) {
          await new Promise<void>((resolve) => {
            resume = resolve;
            signal.addEventListener("abort", wake, { once: true });
          });
          signal.removeEventListener("abort", wake);
        }
        resume = undefined;
        pending = false;
      },
      close: () => {
        watchers.delete(wake);
        if (watchers.size === 0) this.#watchers.delete(jobId);
      },
    };
  }
}
