/** `quipu run FILE…`: admits the jobs, follows them, exits with the job's own code. */
import { randomUUID } from "node:crypto";
import { jobBytes } from "../../model/job.js";
import { storeFile } from "../artifact/put.js";
import type { VerbAction } from "../context.js";
import { type LoadedJob, loadJobFile } from "./job-file.js";
import { submit } from "./submit.js";

export const action: VerbAction = async (context, { args, options }) => {
  const loaded: LoadedJob[] = [];
  for (const file of args) {
    loaded.push(
      ...(await loadJobFile(file, async (path) => (await storeFile(context, path)).digest)),
    );
  }
  return await submit(context, {
    specs: loaded.map(({ spec }) => jobBytes(spec)),
    idempotencyKey: (options.key as string | undefined) ?? randomUUID(),
    detached: options.detach === true,
  });
};
