/**
 * The data set's folder must be, byte for byte, what its owner registered: the decision that this host
 * may work on it was made about those bytes. Assumes nothing. The check gives a stamp of every file,
 * which `measure` compares after the work, so that a change in between is not computed on unseen.
 */
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { manifestDigest } from "../../model/manifest.js";
import type { WorkHook } from "./work.js";

export const checkData: WorkHook = {
  name: "check-data",
  activity: "checking the data",
  async run(work) {
    const { assignment, host, signal, hooks } = work;
    const { dataSet } = assignment;
    if (dataSet === undefined) return;
    const folder = join(host.dataFolder, dataSet.name);
    const before = host.cpuMs();
    const { manifest, stamp } = await host.hashTree(folder, signal, (doneBytes, totalBytes) => {
      hooks.progress(totalBytes === 0 ? 0 : doneBytes / totalBytes, this.activity);
    });
    work.cpuMs += host.cpuMs() - before;
    const digest = manifestDigest(manifest);
    if (digest !== dataSet.manifestDigest) {
      const text = `data set ${dataSet.name} on this host is not what was registered`;
      throw new QuipuError("DATA_CHANGED", text, {
        next: "restore the folder, or register the data set again under a new name",
        details: { found: digest, registered: dataSet.manifestDigest },
      });
    }
    work.data = { folder, manifest, stamp };
    hooks.log(`data set ${dataSet.name} is ${digest}, ${manifest.entries.length} files`);
  },
};
