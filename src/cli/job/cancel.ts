/** `quipu job cancel JOB`. */
import type { VerbAction } from "../context.js";
import { jobLine, jobView } from "./job-view.js";

export const action: VerbAction = async (context, { args, options }) => {
  const { jobs } = await context.coordinator();
  const { job } = await jobs.cancelJob({ id: args[0] ?? "", reason: String(options.reason) });
  if (job === undefined) throw new Error("a job was answered without its value");
  const view = jobView(job);
  context.output.result({ job: view }, () => jobLine(context.output, view));
  return 0;
};
