import { create } from "@bufbuild/protobuf";
import { AuditSchema } from "../../gen/quipu/v1/audit_pb.js";
import type { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import { JobSchema } from "../../gen/quipu/v1/types_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { JobRecord } from "../../io/store/records.js";
import { auditMessage } from "../audit/find.js";
import { type Core, notFound } from "../core.js";
import type { CoordinatorPorts } from "../ports.js";
import { jobMessage } from "../wire.js";

export function getJob(core: Core): Handlers<typeof JobService>["getJob"] {
  return async ({ id }) => {
    const found = await findJob(core, id);
    const job = create(JobSchema, await jobMessage(core, found));
    const audit = await core.ports.store.audits.ofRun(found.runId);
    if (audit !== undefined) job.audit = create(AuditSchema, await auditMessage(core, audit));
    return { job };
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
