/**
 * Jobs that made runs leave their devices, and those runs. What a run leaves is held until all of them
 * have left: then it is this job's before all others'. Else whoever comes first would take it piece by
 * piece, and the next ones would have to leave, without end.
 */
import type { RunRecord } from "../../io/store/records.js";
import { type DeviceLoad, rowsOf } from "../../model/host.js";

export class Claims {
  readonly #runs = new Map<string, readonly RunRecord[]>();
  readonly #changed: (host: string) => void;

  /** `changed` is told of each host of which something is no longer held. */
  constructor(changed: (host: string) => void) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#runs.size;
  }

  has(jobId: string): boolean {
    return this.#runs.has(jobId);
  }

  add(jobId: string, runs: readonly RunRecord[]): void {
    this.#runs.set(jobId, runs);
  }

  drop(jobId: string): void {
    for (const { host } of this.#runs.get(jobId) ?? []) this.#changed(host);
    this.#runs.delete(jobId);
  }

  /** What runs have left of a host, and nobody else may have yet. */
  held(host: string, isRunning: (runId: string) => boolean): readonly DeviceLoad[] {
    const left = (run: RunRecord) => run.host === host && !isRunning(run.id);
    return [...this.#runs.values()].flatMap((runs) => runs.filter(left).flatMap(rowsOf));
  }

  /** Jobs whose devices are free now: each is told once. */
  takeReady(isRunning: (runId: string) => boolean): readonly string[] {
    const isReady = (runs: readonly RunRecord[]) => !runs.some(({ id }) => isRunning(id));
    const ready = [...this.#runs].filter(([, runs]) => isReady(runs)).map(([id]) => id);
    for (const id of ready) this.drop(id);
    return ready;
  }
}
