/** Every driver; a job names one of them. To add one: its task in `src/model/job.ts`, its file here. */
import type { JobSpec } from "../../model/job.js";
import type { RunFacts, RunResult } from "../../model/run.js";
import type { Work } from "../hooks/work.js";
import { hashDriver } from "./hash.js";
import { tensorDriver } from "./tensor.js";

type Task = JobSpec["task"];

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

const drivers: Readonly<Record<Task["driver"], Driver>> = {
  hash: hashDriver,
  tensor: tensorDriver,
};

export function driverOf(task: Task): Driver {
  return drivers[task.driver];
}
