import { QuipuError } from "../../base/errors.js";
import type { AuditService } from "../../gen/quipu/v1/audit_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import { queueAgain } from "../audit/again.js";
import { openAudit, planAudit } from "../audit/choose.js";
import { auditMessage, findAudit } from "../audit/find.js";
import { type Core, notFound } from "../core.js";

/** Whoever asks twice, or of what has been looked into already, is told what is known. */
export function askAudit(core: Core): Handlers<typeof AuditService>["askAudit"] {
  return async ({ id }) => {
    const known = await findAudit(core, id);
    if (known !== undefined) return { audit: await auditMessage(core, known) };
    const { store } = core.ports;
    const run = await store.runs.get((await store.jobs.get(id))?.runId ?? id);
    const job = run && (await store.jobs.get(run.jobId));
    if (run === undefined || job === undefined) throw notFound("job", id, "see `quipu job ls`");
    if (job.runId !== run.id || job.state !== "succeeded") {
      throw new QuipuError(
        "CONFLICT",
        `run ${run.id} is not what job ${job.id} has succeeded with`,
      );
    }
    const plan = await planAudit(core, run, job, "asked");
    if (plan === undefined) {
      throw new QuipuError("NOT_PLACED", `nobody can run job ${job.id} again for comparison`, {
        next: "it needs bitwise outputs, no gang, data whose uses are not counted, and another lawful host",
      });
    }
    const { audit, again } = await store.transact(async (tables) => {
      const meanwhile = await tables.audits.ofRun(run.id);
      if (meanwhile !== undefined) return { audit: meanwhile };
      return { audit: plan.audit, again: await openAudit(tables, plan) };
    });
    if (again !== undefined) queueAgain(core, again);
    return { audit: await auditMessage(core, audit) };
  };
}
