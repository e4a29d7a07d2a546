import { QuipuError } from "../../base/errors.js";
import type { AuditService } from "../../gen/quipu/v1/audit_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { AuditRecord, JobRecord, RunRecord } from "../../io/store/records.js";
import { queueAgain } from "../audit/again.js";
import { auditsOpenMax } from "../audit/audits.js";
import { openAudit, planAudit } from "../audit/choose.js";
import { auditMessage, findAudit } from "../audit/find.js";
import { type Core, notFound } from "../core.js";

/** Of what has been looked into already is told what is known; it is asked again where nobody answered. */
export function askAudit(core: Core): Handlers<typeof AuditService>["askAudit"] {
  return async ({ id }) => {
    const known = await findAudit(core, id);
    if (known !== undefined && known.state !== "unanswered") return told(core, known);
    const { run, job } = await succeeded(core, known?.runId ?? id);
    if (core.audits.isFull) {
      throw new QuipuError("LIMIT_EXCEEDED", `${auditsOpenMax} audits are open already`, {
        next: "ask again when `quipu audit ls` shows fewer that are open",
      });
    }
    const plan = await planAudit(core, run, job, "asked", known);
    if (plan === undefined) {
      throw new QuipuError("NOT_PLACED", `nobody can run job ${job.id} again for comparison`, {
        next: "it needs outputs that can be compared, no gang, data whose uses are not counted, and another lawful host that is attached",
      });
    }
    const { audit, again } = await core.ports.store.transact(async (tables) => {
      await requireKept(tables, run);
      const now = await tables.audits.ofRun(run.id);
      if (now !== undefined && now.state !== known?.state) return { audit: now };
      return { audit: plan.audit, again: await openAudit(tables, plan) };
    });
    if (again !== undefined) queueAgain(core, again);
    return told(core, audit);
  };
}

/** Whoever is found wrong is told so by its own signature. */
async function requireKept(
  { receipts }: Pick<StoreTables, "receipts">,
  { id }: RunRecord,
): Promise<void> {
  if ((await receipts.get(id))?.envelope.length !== 0) return;
  throw new QuipuError("CONFLICT", `the receipt of run ${id} was erased`, {
    next: "nobody could be found wrong by it any more; ask for a run whose receipt is kept",
  });
}

async function told(core: Core, audit: AuditRecord) {
  return { audit: await auditMessage(core, audit) };
}

/** A job's run, or a run, that the job has succeeded with; not one that looks into another. */
async function succeeded(
  { ports: { store } }: Core,
  id: string,
): Promise<{ readonly run: RunRecord; readonly job: JobRecord }> {
  const named = await store.jobs.get(id);
  const run = await store.runs.get(named?.runId ?? id);
  const job = named ?? (run && (await store.jobs.get(run.jobId)));
  if (job === undefined) throw notFound("job", id, "see `quipu job ls`");
  if (run === undefined || job.state !== "succeeded") {
    throw new QuipuError("CONFLICT", `job ${job.id} is ${job.state}, and has come to nothing`, {
      next: `see \`quipu job show ${job.id}\`; what has succeeded can be looked into`,
    });
  }
  await requireKept(store, run);
  if (job.runId !== run.id) {
    throw new QuipuError("CONFLICT", `job ${job.id} has not succeeded with run ${run.id}`, {
      next: `ask for what it has succeeded with: \`quipu audit ask ${job.id}\``,
    });
  }
  if (job.auditId === undefined) return { run, job };
  throw new QuipuError("CONFLICT", `job ${job.id} looks into another run itself`, {
    next: `see \`quipu audit show ${job.auditId}\``,
  });
}
