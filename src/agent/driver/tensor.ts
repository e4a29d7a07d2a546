/**
 * Driver `tensor`: one message to the worker process of the device. The model is parsed and the device
 * is touched there; this process only names files.
 */
import { QuipuError } from "../../base/errors.js";
import type { Driver } from "./driver.js";

export const tensorDriver: Driver = {
  isolation: "process",
  async run({ assignment, data, host, hooks, inputPaths, outputFolder, signal }) {
    const { job, device, runId } = assignment;
    if (job.task.driver !== "tensor") throw new QuipuError("INTERNAL", "not a tensor job");
    const modelPath = inputPaths.get(job.task.model);
    if (modelPath === undefined) {
      throw new QuipuError("INVALID_ARGUMENT", `the model ${job.task.model} was not granted`);
    }
    if (data === undefined || outputFolder === undefined) {
      throw new QuipuError("INVALID_ARGUMENT", "a tensor job needs a data set to read", {
        next: "name one with dataSet",
      });
    }
    const worker = host.workers.get(device);
    if (worker === undefined) {
      throw new QuipuError("BACKEND_UNAVAILABLE", `this host has no device ${device}`);
    }
    const { task } = job;
    const done = await worker.run(
      { kind: "run", runId, task, modelPath, dataFolder: data.folder, outputFolder },
      hooks,
      signal,
    );
    return { result: done.result, cpuMs: done.cpuMs, inputBytes: done.inputBytes };
  },
};
