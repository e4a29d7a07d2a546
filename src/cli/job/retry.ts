/** `quipu job retry JOB`: what a job that has ended asked for, asked for again, as a new job. */
import { randomUUID } from "node:crypto";
import { QuipuError } from "../../base/errors.js";
import { wholeOf } from "../../model/gang.js";
import { type AskedJob, isTerminal, jobBytes } from "../../model/job.js";
import type { VerbAction } from "../context.js";
import { stateName } from "./job-view.js";
import { submit } from "./submit.js";

export const action: VerbAction = async (context, { args, options }) => {
  const { jobs } = await context.coordinator();
  const id = args[0] ?? "";
  const { job } = await jobs.getJob({ id });
  if (job === undefined) throw new Error("a job was answered without its value");
  const state = stateName(job.state);
  if (!isTerminal(state)) {
    throw new QuipuError("CONFLICT", `job ${id} is ${state} and has not ended`, {
      next: `wait for it with \`quipu job wait ${id}\`, or end it with \`quipu job cancel ${id}\``,
    });
  }
  const idempotencyKey = (options.key as string | undefined) ?? randomUUID();
  const detached = options.detach === true;
  // A member of a gang runs again with its gang.
  const asked = wholeOf(JSON.parse(new TextDecoder().decode(job.spec)) as AskedJob);
  return await submit(context, { specs: [jobBytes(asked)], idempotencyKey, detached });
};
