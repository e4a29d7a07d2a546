/** Audits by what callers know them by, and as messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { AuditSchema } from "../../gen/quipu/v1/audit_pb.js";
import type { AuditAnswerRecord, AuditRecord } from "../../io/store/records.js";
import type { Core } from "../core.js";

type AuditMessage = MessageInitShape<typeof AuditSchema>;

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
): Promise<AuditMessage> {
  return messageOf(audit, await store.audits.answers(audit.id));
}

export async function auditMessages(
  { ports: { store } }: Core,
  audits: readonly AuditRecord[],
): Promise<AuditMessage[]> {
  const all = await store.audits.answers(...audits.map(({ id }) => id));
  return audits.map((audit) => {
    const answers = all.filter(({ auditId }) => auditId === audit.id);
    return messageOf(audit, answers);
  });
}

function messageOf(audit: AuditRecord, answers: readonly AuditAnswerRecord[]): AuditMessage {
  const { id, runId, jobId, reason, state, againJobId, openedAtMs, closedAtMs } = audit;
  const closed = closedAtMs === undefined ? {} : { closedAt: timestampFromMs(closedAtMs) };
  return {
    ...{ id, runId, jobId, reason, state, againJobId, ...closed },
    openedAt: timestampFromMs(openedAtMs),
    answers: answers.map(({ auditId: _, atMs: __, ...answer }) => answer),
  };
}
