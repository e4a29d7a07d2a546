/** `quipu run FILE…`: admits the jobs, follows them, exits with the job's own code. */
import { randomUUID } from "node:crypto";
import { jobBytes } from "../../model/job.js";
import { storeFile } from "../artifact/put.js";
import type { VerbAction } from "../context.js";
import { exitOfAll, followJobs } from "./follow.js";
import { type LoadedJob, loadJobFile } from "./job-file.js";
import { type JobView, jobLine, jobView } from "./job-view.js";

export const action: VerbAction = async (context, { args, options }) => {
  const { output } = context;
  const { jobs } = await context.coordinator();
  const loaded: LoadedJob[] = [];
  for (const file of args) {
    loaded.push(
      ...(await loadJobFile(file, async (path) => (await storeFile(context, path)).digest)),
    );
  }
  const admitted = await jobs.submitJobs({
    idempotencyKey: (options.key as string | undefined) ?? randomUUID(),
    specs: loaded.map(({ spec }) => jobBytes(spec)),
  });
  const views = admitted.jobs.map(jobView);
  if (options.detach === true) {
    output.result({ jobs: views }, () => views.map((job) => jobLine(output, job)).join("\n"));
    return 0;
  }
  const ended = await followJobs(
    context,
    views.map(({ id }) => id),
  );
  const exit = exitOfAll(ended);
  output.result({ jobs: ended, exit }, () => nextSteps(ended));
  return exit.code;
};

function nextSteps(jobs: readonly JobView[]): string {
  const lines = jobs.map(({ id, outputs, logIndex }) => {
    const steps = [
      ...(outputs.length === 0 ? [] : [`quipu job outputs ${id} --to FOLDER`]),
      logIndex === null ? `quipu why ${id}` : `quipu receipt show ${id}`,
    ];
    return `${id}  next: ${steps.join("; ")}`;
  });
  return lines.join("\n");
}
