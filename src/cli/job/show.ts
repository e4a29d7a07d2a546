/** `quipu job show JOB`. */
import { QuipuError } from "../../base/errors.js";
import { auditText } from "../audit/audit-view.js";
import type { Context, VerbAction } from "../context.js";
import { bytesText, shortDigest } from "../table.js";
import { type JobView, jobLine, jobTrouble, jobView, waitText } from "./job-view.js";

export const action: VerbAction = async (context, { args }) => {
  const job = await getJob(context, args[0] ?? "");
  context.output.result({ job }, () => page(context, job));
  return 0;
};

export async function getJob(context: Context, id: string): Promise<JobView> {
  const { jobs } = await context.coordinator();
  const { job } = await jobs.getJob({ id });
  if (job === undefined)
    throw new QuipuError("NOT_FOUND", `there is no job ${id}`, { next: "quipu job ls" });
  return jobView(job);
}

function page({ output }: Context, job: JobView): string {
  const lines = [jobLine(output, job), ...jobTrouble(job)];
  lines.push(`submitted  ${job.submittedAt ?? "-"}`);
  if (job.startedAt !== null) lines.push(`started    ${job.startedAt}`);
  if (job.finishedAt !== null) lines.push(`finished   ${job.finishedAt}`);
  if (job.gang !== null) {
    lines.push(`gang       ${job.gang.id}, rank ${job.gang.rank} of ${job.gang.size}`);
  }
  if (job.waitsFor.length > 0) lines.push(`waits for  ${job.waitsFor.join(", ")}`);
  const waited = waitText(job);
  if (waited !== undefined) lines.push(`waited     ${waited}`);
  for (const { host, code } of job.failedHosts) lines.push(`failed on  ${host} (${code})`);
  if (job.backend !== null) lines.push(`backend    ${job.backend}, determinism ${job.determinism}`);
  for (const { name, sizeBytes, digest } of job.outputs) {
    lines.push(`output     ${name}  ${bytesText(sizeBytes)}  ${shortDigest(digest)}`);
  }
  if (job.audit !== null) lines.push(`audit      ${auditText(job.audit)}`);
  if (job.logIndex !== null)
    lines.push(`receipt    log entry ${job.logIndex}; quipu receipt show ${job.id}`);
  return lines.join("\n");
}
