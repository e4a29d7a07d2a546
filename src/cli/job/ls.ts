/** `quipu job ls`. */
import { QuipuError } from "../../base/errors.js";
import type { VerbAction } from "../context.js";
import { jobColumns, jobView } from "./job-view.js";

export const action: VerbAction = async (context, { options }) => {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) {
    throw new QuipuError(
      "USAGE",
      `--limit must be a whole number from 1 to 500, not ${options.limit}`,
    );
  }
  const { jobs } = await context.coordinator();
  const answer = await jobs.listJobs({ limit });
  const views = answer.jobs.map(jobView);
  const value = { jobs: views, next: answer.next === "" ? null : answer.next };
  context.output.table(value, views, jobColumns, "no jobs yet; next: quipu run FILE");
  return 0;
};
