/**
 * Driver `tensor`: one message to the worker process of the device. The model is parsed and the device
 * is touched there; this process only names files.
 */
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { TensorTask } from "../../model/job.js";
import type { Manifest } from "../../model/manifest.js";
import type { Driver } from "./driver.js";

export const tensorDriver: Driver = {
  isolation: "process",
  writesFiles: true,
  async run({ assignment, data, host, hooks, inputPaths, outputFolder, signal }) {
    const { job, device, runId } = assignment;
    if (job.task.driver !== "tensor") throw new QuipuError("INTERNAL", "not a tensor job");
    const modelPath = granted(inputPaths, job.task.model);
    const claimed = job.task.check?.outputs;
    const claimedPath = claimed === undefined ? undefined : granted(inputPaths, claimed);
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
    checkFiles(task, data.manifest);
    const done = await worker.run(
      {
        kind: "run",
        runId,
        task,
        modelPath,
        ...(claimedPath === undefined ? {} : { claimedPath }),
        dataFolder: data.folder,
        outputFolder,
      },
      hooks,
      signal,
    );
    return { result: done.result, cpuMs: done.cpuMs, inputBytes: done.inputBytes };
  },
};

function granted(paths: ReadonlyMap<string, string>, digest: Digest): string {
  const path = paths.get(digest);
  if (path !== undefined) return path;
  throw new QuipuError("INVALID_ARGUMENT", `the artifact ${digest} was not granted`);
}

/**
 * The worker reads by name: a file that came into the folder after it was checked would be computed on
 * although the receipt's data set does not hold it.
 */
function checkFiles(task: TensorTask, { entries }: Manifest): void {
  const known = new Set(entries.map(({ path }) => path));
  const sources = [...Object.values(task.inputs), ...(task.vote ? [task.vote.labels] : [])];
  const unknown = sources.find(({ file }) => !known.has(file));
  if (unknown === undefined) return;
  throw new QuipuError("DATA_INVALID", `the data set has no file ${unknown.file}`, {
    next: "check the file's name in the job, or the data set that the job names",
    details: { file: unknown.file },
  });
}
