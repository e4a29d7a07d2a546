import { create, equals } from "@bufbuild/protobuf";
import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import { type Job, JobSchema } from "../../gen/quipu/v1/types_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { JobRecord } from "../../io/store/records.js";
import { isTerminal } from "../../model/job.js";
import type { Core } from "../core.js";
import { jobMessage } from "../wire.js";
import { findJob } from "./get-job.js";

/**
 * Pushed on change, never polled, until the job is over and its receipt, if it has one, is in the log.
 * Changes that come while a slow reader is busy become one.
 */
export function watchJob(core: Core): Handlers<typeof JobService>["watchJob"] {
  return async function* ({ id }, { signal }) {
    const watch = core.changes.watch(id); // before the first look, so that no change falls between
    let told: Job | undefined;
    try {
      while (!signal.aborted) {
        const record = await findJob(core, id);
        const job = create(JobSchema, await jobMessage(core, record));
        if (told === undefined || !equals(JobSchema, told, job)) yield { job };
        if (isTerminal(record.state) && isLogged(record)) return;
        told = job;
        await watch.next(signal);
      }
    } finally {
      watch.close();
    }
  };
}

function isLogged({ result }: JobRecord): boolean {
  return result === undefined || result.logIndex !== undefined;
}
