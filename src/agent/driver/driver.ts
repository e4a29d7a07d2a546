/** What a driver is: how the work of one kind of job is done on this host. */
import type { RunFacts, RunResult } from "../../model/run.js";
import type { Work } from "../hooks/work.js";

export interface Driver {
  /** Isolation in which the work really runs. */
  readonly isolation: RunFacts["isolation"];
  /** Whether it writes its outputs into a folder; else it hands their bytes over. */
  readonly writesFiles: boolean;
  run(work: Work): Promise<DriverDone>;
}

export interface DriverDone {
  readonly result: RunResult;
  /** Bytes of the outputs by name, where they are in no folder. */
  readonly contents?: ReadonlyMap<string, Uint8Array>;
  /** Beyond what checking the data took. */
  readonly cpuMs: number;
  readonly inputBytes: number;
}
