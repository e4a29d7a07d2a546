/** What a driver is: how the work of one kind of job is done on this host. */
import type { RunFacts, RunResult } from "../../model/run.js";
import type { Work } from "../hooks/work.js";

export interface Driver {
  /** Isolation in which the work really runs. */
  readonly isolation: RunFacts["isolation"];
  run(work: Work): Promise<DriverDone>;
}

export interface DriverDone {
  readonly result: RunResult;
  /** Beyond what checking the data took. */
  readonly cpuMs: number;
  readonly inputBytes: number;
}
