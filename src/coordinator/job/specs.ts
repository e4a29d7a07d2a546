/** What admitted bytes say. */
import type { JobRecord } from "../../io/store/records.js";
import type { AskedJob, JobSpec } from "../../model/job.js";

/** Of a job that waits for others it may leave open what they make. */
export function askedOf({ spec }: Pick<JobRecord, "spec">): AskedJob {
  return JSON.parse(new TextDecoder().decode(spec)) as AskedJob;
}

/** Of a job that waits for no other. */
export function specOf(job: Pick<JobRecord, "spec">): JobSpec {
  return askedOf(job) as JobSpec;
}
