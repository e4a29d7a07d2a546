/** Which jobs of a submission come after which, and what they take from each other. */
import { type Digest, digestOf } from "../base/bytes.js";
import { QuipuError } from "../base/errors.js";
import type { AskedJob, JobSpec } from "./job.js";

/** A job that must have succeeded first, and the output of it that is needed, if any. */
export interface Need {
  /** A name of this submission, or of an earlier job, or an id. */
  readonly job: string;
  readonly output?: string;
}

export function needsOf({ after = [], task }: AskedJob): readonly Need[] {
  const needs: Need[] = after.map((job) => ({ job }));
  if (task.driver === "tensor" && typeof task.model !== "string") needs.push(task.model);
  return needs;
}

/** Whether every input is named by its digest: the job can be given to a host. */
export function isWhole(asked: AskedJob): asked is JobSpec {
  return asked.task.driver !== "tensor" || typeof asked.task.model === "string";
}

/** The same job with the digest of the model that it was to take from another one. */
export function withModel(asked: AskedJob, model: Digest): JobSpec {
  if (asked.task.driver !== "tensor") return asked as JobSpec;
  return { ...asked, task: { ...asked.task, model } };
}

/** To ask about it beforehand: a model that is not made yet is one that nobody has registered. */
export function asIfMade(asked: AskedJob): JobSpec {
  return isWhole(asked) ? asked : withModel(asked, digestOf(new Uint8Array()));
}

/** Place in the submission of the job that a need names; undefined where it names an earlier one. */
export function placeOfNeed(names: readonly string[], { job }: Need): number | undefined {
  const at = names.indexOf(job);
  if (at < 0) return undefined;
  if (names.lastIndexOf(job) === at) return at;
  throw new QuipuError("JOB_FILE_INVALID", `after: two jobs of this submission are named ${job}`, {
    next: "give each job that others come after a name of its own",
  });
}

/** Throws JOB_FILE_INVALID that names the jobs of a cycle, in order. */
export function checkCycles(jobs: readonly AskedJob[]): void {
  const names = jobs.map(({ name }) => name);
  const edges = jobs.map((job) => needsOf(job).flatMap((need) => placeOfNeed(names, need) ?? []));
  const done = new Set<number>();
  for (let start = 0; start < jobs.length; start += 1) {
    const cycle = cycleFrom(start, edges, done);
    if (cycle === undefined) continue;
    const text = [...cycle, cycle[0] as number].map((at) => names[at]).join(" → ");
    throw new QuipuError("JOB_FILE_INVALID", `after: these jobs wait for each other: ${text}`, {
      next: "let one of them come first",
      details: { cycle: cycle.map((at) => names[at]) },
    });
  }
}

/** Depth first; a submission is small enough to need no stack of our own. */
function cycleFrom(
  at: number,
  edges: readonly (readonly number[])[],
  done: Set<number>,
  path: readonly number[] = [],
): readonly number[] | undefined {
  const seen = path.indexOf(at);
  if (seen >= 0) return path.slice(seen);
  if (done.has(at)) return undefined;
  for (const next of edges[at] ?? []) {
    const cycle = cycleFrom(next, edges, done, [...path, at]);
    if (cycle !== undefined) return cycle;
  }
  done.add(at);
  return undefined;
}
