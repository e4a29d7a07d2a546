/** Every driver; a job names one of them. To add one: its task in `src/model/job.ts`, its file here. */
import type { JobSpec } from "../../model/job.js";
import type { Driver } from "./driver.js";
import { hashDriver } from "./hash.js";
import { tensorDriver } from "./tensor.js";

type Task = JobSpec["task"];

const drivers: Readonly<Record<Task["driver"], Driver>> = {
  hash: hashDriver,
  tensor: tensorDriver,
};

export function driverOf(task: Task): Driver {
  return drivers[task.driver];
}
