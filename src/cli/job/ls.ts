/** `quipu job ls`. */
import type { VerbAction } from "../context.js";
import { wholeNumber } from "../number-option.js";
import { jobColumns, jobView } from "./job-view.js";

export const action: VerbAction = async (context, { options }) => {
  const limit = wholeNumber(options.limit, "--limit", 1, 500);
  const { jobs } = await context.coordinator();
  const answer = await jobs.listJobs({ limit });
  const views = answer.jobs.map(jobView);
  const value = { jobs: views, next: answer.next === "" ? null : answer.next };
  context.output.table(value, views, jobColumns, "no jobs yet; next: quipu run FILE");
  return 0;
};
