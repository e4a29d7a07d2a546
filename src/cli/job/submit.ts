/** Hands jobs over, follows them unless told not to, and says which exit code they deserve. */
import type { Context } from "../context.js";
import { exitOfAll, followJobs } from "./follow.js";
import { type JobView, jobLine, jobView } from "./job-view.js";

interface Submission {
  /** Canonical JSON of each job. */
  readonly specs: Uint8Array[];
  readonly idempotencyKey: string;
  readonly detached: boolean;
}

export async function submit(
  context: Context,
  { specs, idempotencyKey, detached }: Submission,
): Promise<number> {
  const { output } = context;
  const { jobs } = await context.coordinator();
  const admitted = await jobs.submitJobs({ idempotencyKey, specs });
  const views = admitted.jobs.map(jobView);
  if (detached) {
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
}

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
