/**
 * Runs the job's driver. Assumes data, inputs, device and an empty output folder. A crash of the worker
 * is a failure of this hook; a crash of the agent ends the worker too, and the run with it.
 */
import { driverOf } from "../driver/table.js";
import type { WorkHook } from "./work.js";

export const execute: WorkHook = {
  name: "execute",
  activity: "running",
  async run(work) {
    const driver = driverOf(work.assignment.job.task);
    work.isolation = driver.isolation;
    const done = await driver.run(work);
    work.result = done.result;
    work.contents = done.contents;
    work.cpuMs += done.cpuMs;
    work.inputBytes += done.inputBytes;
  },
};
