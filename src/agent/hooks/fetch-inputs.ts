/**
 * Brings every input into the artifact store, each checked against its digest while it is written.
 * Assumes nothing. What a crash leaves is a partial download, which the next fetch resumes.
 */
import type { WorkHook } from "./work.js";

export const fetchInputs: WorkHook = {
  name: "fetch-inputs",
  activity: "fetching inputs",
  async run({ assignment, host, signal, inputPaths, hooks }) {
    for (const grant of assignment.inputs) {
      signal.throwIfAborted();
      const { path, sizeBytes } = await host.fetchInput(grant, signal);
      inputPaths.set(grant.digest, path);
      hooks.log(`input ${grant.digest} is here, ${sizeBytes} bytes`);
    }
  },
};
