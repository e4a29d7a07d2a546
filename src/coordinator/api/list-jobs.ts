import { QuipuError } from "../../base/errors.js";
import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Core } from "../core.js";
import { jobMessage } from "../wire.js";
import { findJob } from "./get-job.js";

const limitUsual = 100;
const limitMax = 500;

export function listJobs(core: Core): Handlers<typeof JobService>["listJobs"] {
  return async ({ limit, after }) => {
    if (limit < 0 || limit > limitMax) {
      throw new QuipuError("INVALID_ARGUMENT", `limit ${limit} is not from 0 to ${limitMax}`);
    }
    const count = limit === 0 ? limitUsual : limit;
    const below = after === "" ? Number.MAX_SAFE_INTEGER : (await findJob(core, after)).position;
    // One more than asked tells whether there is a next page.
    const found = await core.ports.store.jobs.list(count + 1, below);
    const page = found.slice(0, count);
    const jobs = await Promise.all(page.map((job) => jobMessage(core, job)));
    return { jobs, next: found.length > count ? (page.at(-1)?.id ?? "") : "" };
  };
}
