/** Jobs that made runs leave their devices, and those runs: what they leave is theirs before all others'. */
export class Claims {
  readonly #runs = new Map<string, readonly string[]>();

  get size(): number {
    return this.#runs.size;
  }

  has(jobId: string): boolean {
    return this.#runs.has(jobId);
  }

  add(jobId: string, runIds: readonly string[]): void {
    this.#runs.set(jobId, runIds);
  }

  drop(jobId: string): void {
    this.#runs.delete(jobId);
  }

  /** Jobs whose devices are free now: each is told once. */
  takeReady(isRunning: (runId: string) => boolean): readonly string[] {
    const ready = [...this.#runs].filter(([, runs]) => !runs.some(isRunning)).map(([id]) => id);
    for (const id of ready) this.#runs.delete(id);
    return ready;
  }
}
