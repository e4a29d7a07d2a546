/** Watches jobs to their end, showing what they do, and says which exit code they deserve. */
import { errorCodes, isErrorCode, QuipuError } from "../../base/errors.js";
import { isTerminal } from "../../model/job.js";
import type { Context } from "../context.js";
import { type JobView, jobLine, jobTrouble, jobView } from "./job-view.js";

/** Follows one job until it is over and its receipt logged; `onChange` sees each state on the way. */
export async function followJob(
  context: Context,
  id: string,
  onChange: (job: JobView) => void = () => undefined,
): Promise<JobView> {
  const { jobs } = await context.coordinator();
  for (;;) {
    let last: JobView | undefined;
    try {
      for await (const { job } of jobs.watchJob({ id }, { signal: context.signal })) {
        if (job === undefined) continue;
        last = jobView(job);
        onChange(last);
      }
      if (last !== undefined && isTerminal(last.state)) return last;
      break;
    } catch (thrown) {
      // Whoever answered is gone, and told so far: what another one says begins with the state now.
      if (last === undefined || QuipuError.from(thrown).code !== "UNAVAILABLE") throw thrown;
    }
  }
  const { job } = await jobs.getJob({ id }, { signal: context.signal });
  if (job === undefined) throw new Error("a job was answered without its value");
  return jobView(job);
}

/** Follows several at once with a line for each change, and prints what went wrong. */
export async function followJobs(context: Context, ids: readonly string[]): Promise<JobView[]> {
  const { output } = context;
  const shown = new Map<string, string>();
  const show = (job: JobView): void => {
    if (shown.get(job.id) === job.state) {
      output.progress(jobLine(output, job));
      return;
    }
    shown.set(job.id, job.state);
    output.note([jobLine(output, job), ...jobTrouble(job)].join("\n"));
  };
  return Promise.all(ids.map((id) => followJob(context, id, show)));
}

/** Exit codes of failures before the start are moved up by this, so that they never meet the job's. */
const beforeStart = 120;

export interface Exit {
  readonly code: number;
  /** Who set it: the job itself, or Quipu before the job could start. */
  readonly by: "job" | "quipu";
}

/** The exit code of a finished job, as `run` and `wait` give it. */
export function exitOf(job: JobView): Exit {
  switch (job.state) {
    case "succeeded":
      return { code: 0, by: "job" };
    case "refused":
      return { code: beforeStart + errorCodes.REFUSED_BY_POLICY.exit, by: "quipu" };
    case "lost":
      return { code: beforeStart + 1, by: "quipu" };
    case "cancelled":
      if (job.startedAt !== null) return { code: codeOf(job)?.exit ?? 130, by: "job" };
      return { code: beforeStart + (codeOf(job)?.exit ?? 10), by: "quipu" };
    default:
      return { code: codeOf(job)?.exit ?? 1, by: "job" };
  }
}

function codeOf({ failure }: JobView) {
  const code = failure?.code ?? "";
  return isErrorCode(code) ? errorCodes[code] : undefined;
}

/** The worst of several: the first that is not 0. */
export function exitOfAll(jobs: readonly JobView[]): Exit {
  return jobs.map(exitOf).find(({ code }) => code !== 0) ?? { code: 0, by: "job" };
}
