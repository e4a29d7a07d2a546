/** `quipu why JOB|FILE`: each host with the first rule that kept it out. */
import { existsSync } from "node:fs";
import type { VerbAction } from "../context.js";
import { jobLine, reasonLines } from "./job-view.js";
import { planFiles, planText } from "./plan.js";
import { getJob } from "./show.js";

export const action: VerbAction = async (context, { args }) => {
  const subject = args[0] ?? "";
  if (existsSync(subject)) {
    const plans = await planFiles(context, [subject]);
    context.output.result({ plans }, () =>
      plans.map((plan) => planText(context, plan)).join("\n\n"),
    );
    return 0;
  }
  const job = await getJob(context, subject);
  context.output.result({ job }, () => {
    const lines = [jobLine(context.output, job)];
    if (job.reasons.length > 0)
      lines.push("hosts that were not chosen:", ...reasonLines(job.reasons));
    return lines.join("\n");
  });
  return 0;
};
