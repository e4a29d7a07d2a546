import { create, toBinary } from "@bufbuild/protobuf";
import { limits } from "../../base/limits.js";
import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import { type Job, JobSchema } from "../../gen/quipu/v1/types_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { jobMessage } from "../wire.js";
import { findJob } from "./get-job.js";
import { pageSize } from "./page-size.js";

/** Room for what a message says besides its jobs. */
const restBytesMax = 64 * 1024;
const none = new Uint8Array();

/**
 * A page ends where the next job would make the message too long: reasons grow with the fleet. What was
 * asked and how it was decided is left to `getJob`, which tells it whole.
 */
export function listJobs(
  core: Core,
  pageBytesMax = limits.messageBytesMax - restBytesMax,
): Handlers<typeof JobService>["listJobs"] {
  return async ({ limit, after }) => {
    const count = pageSize(limit);
    const below = after === "" ? Number.MAX_SAFE_INTEGER : (await findJob(core, after)).position;
    // One more than asked tells whether there is a next page.
    const found = await core.ports.store.jobs.list(count + 1, below);
    const jobs: Job[] = [];
    let bytes = 0;
    for (const record of found.slice(0, count)) {
      const whole = await jobMessage(core, record);
      const job = create(JobSchema, { ...whole, spec: none, decision: none });
      bytes += toBinary(JobSchema, job).length;
      if (jobs.length > 0 && bytes > pageBytesMax) break;
      jobs.push(job);
    }
    return { jobs, next: found.length > jobs.length ? (jobs.at(-1)?.id ?? "") : "" };
  };
}
