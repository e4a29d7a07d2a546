/**
 * Takes the outputs into the artifact store, under digests taken here over the very files, and makes
 * sure that the data stood still. Assumes that the driver is done. Outputs of a run that fails after
 * this stay in the store unnamed by any receipt, and nobody is granted them.
 */
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import type { Work, WorkHook } from "./work.js";

export const measure: WorkHook = {
  name: "measure",
  activity: "storing the outputs",
  async run(work) {
    const { host, hooks, result, contents, outputFolder = "", signal } = work;
    if (result === undefined) throw new QuipuError("INTERNAL", "there is nothing to measure");
    await refuseChangedData(work);
    for (const artifact of result.outputs) {
      signal.throwIfAborted();
      const bytes = contents?.get(artifact.name);
      if (bytes !== undefined) await host.keepOutput(bytes, artifact);
      else await host.adoptOutput(join(outputFolder, artifact.name), artifact);
      work.outputBytes += artifact.sizeBytes;
      hooks.log(`output ${artifact.name} is ${artifact.digest}, ${artifact.sizeBytes} bytes`);
    }
  },
};

/** What was in order before the work and is not there, or no plain file, after it: that is a change. */
async function refuseChangedData({ data, host, signal }: Work): Promise<void> {
  if (data === undefined) return;
  let cause: unknown;
  try {
    if ((await host.treeStamp(data.folder, signal)) === data.stamp) return;
  } catch (thrown) {
    const { code } = QuipuError.from(thrown);
    if (code !== "NOT_FOUND" && code !== "DATA_INVALID") throw thrown;
    cause = thrown;
  }
  throw new QuipuError("DATA_CHANGED", "the data folder changed while the job ran", {
    next: "let nothing write to the folder of a data set, then run the job again",
    cause,
  });
}
