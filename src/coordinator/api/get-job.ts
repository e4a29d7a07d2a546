import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { JobRecord } from "../../io/store/records.js";
import { type Core, notFound } from "../core.js";
import type { CoordinatorPorts } from "../ports.js";
import { jobMessage } from "../wire.js";

export function getJob(core: Core): Handlers<typeof JobService>["getJob"] {
  return async ({ id }) => {
    const job = await findJob(core, id);
    const audit = await core.ports.store.audits.ofRun(job.runId);
    return { job: await jobMessage(core, job, audit) };
  };
}

export async function findJob(
  { ports }: { readonly ports: Pick<CoordinatorPorts, "store"> },
  id: string,
): Promise<JobRecord> {
  const job = await ports.store.jobs.get(id);
  if (job === undefined) throw notFound("job", id, "see `quipu job ls`");
  return job;
}
