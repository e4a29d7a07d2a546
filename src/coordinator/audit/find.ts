/** Audits by what callers know them by, and as messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { AuditSchema } from "../../gen/quipu/v1/audit_pb.js";
import type { AuditRecord } from "../../io/store/records.js";
import type { Core } from "../core.js";

/** By its own id, that of the run or of the job that it looks into, or that of a job that looks. */
export async function findAudit(
  { ports: { store } }: Core,
  id: string,
): Promise<AuditRecord | undefined> {
  const { runId = id, auditId = id } = (await store.jobs.get(id)) ?? {};
  return (await store.audits.get(auditId)) ?? (await store.audits.ofRun(runId));
}

export async function auditMessage(
  { ports: { store } }: Core,
  audit: AuditRecord,
): Promise<MessageInitShape<typeof AuditSchema>> {
  const { id, runId, jobId, reason, state, againJobId, openedAtMs, closedAtMs } = audit;
  const closed = closedAtMs === undefined ? {} : { closedAt: timestampFromMs(closedAtMs) };
  const answers = await store.audits.answers(id);
  return {
    ...{ id, runId, jobId, reason, state, againJobId, ...closed },
    openedAt: timestampFromMs(openedAtMs),
    answers: answers.map(({ auditId: _, atMs: __, ...answer }) => answer),
  };
}
