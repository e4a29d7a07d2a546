import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { isTerminal } from "../../model/job.js";
import type { Core } from "../core.js";
import { findJob } from "./get-job.js";

/** Lines of the newest run; with `follow`, also those that come, until the job is terminal. */
export function getJobLogs(core: Core): Handlers<typeof JobService>["getJobLogs"] {
  return async function* ({ id, follow }, { signal }) {
    const watch = core.changes.watch(id);
    let runId = "";
    let after = 0;
    try {
      while (!signal.aborted) {
        const job = await findJob(core, id);
        if (job.runId !== runId) [runId, after] = [job.runId, 0];
        const { lines, last } = await core.ports.store.runLogs.read(runId, after);
        after = last;
        if (lines.length > 0) yield { lines: [...lines] };
        if (!follow || isTerminal(job.state)) return;
        await watch.next(signal);
      }
    } finally {
      watch.close();
    }
  };
}
