/** Waiting without a clock of its own: whoever drives the agent calls `fire`, which ends due waits. */
interface Wait {
  readonly untilMs: number;
  readonly resolve: () => void;
}

export class Timers {
  #waits: Wait[] = [];

  /** Resolves in the first `fire` at or after `untilMs` (boot clock). */
  until(untilMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waits.push({ untilMs, resolve });
    });
  }

  /** Ends due waits in the order in which they are due, then in the order in which they began. */
  fire(nowMs: number): void {
    const due = this.#waits.filter((wait) => wait.untilMs <= nowMs);
    if (due.length === 0) return;
    this.#waits = this.#waits.filter((wait) => wait.untilMs > nowMs);
    for (const wait of due.sort((a, b) => a.untilMs - b.untilMs)) wait.resolve();
  }
}
