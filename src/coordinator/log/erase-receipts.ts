/**
 * Removes what hosts have stated of an ended job, evidence too. The entries stay in the log, for its tree
 * holds them; an act that goes in behind them says that nobody keeps what they are digests of, and why.
 */
import { digestOf } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { ReceiptRecord } from "../../io/store/records.js";
import { isAuditOver } from "../../model/audit.js";
import { isTerminal } from "../../model/job.js";
import { type Core, note, notFound } from "../core.js";

/** Runs whose statement went now. Statement and act are one transaction, and doing it twice is once. */
export async function eraseReceipts(
  core: Core,
  jobId: string,
  reason: string,
): Promise<readonly string[]> {
  if (reason.trim() === "") {
    throw new QuipuError("INVALID_ARGUMENT", "a receipt is not erased without a reason", {
      next: "say who asked for it, and by which rule",
    });
  }
  const erased = await core.ports.store.transact(async (tables) => {
    const receipts = await erasable(tables, jobId);
    for (const { runId, envelope, logIndex } of receipts) {
      await tables.receipts.erase(runId);
      const entry = logIndex === undefined ? {} : { entry: `${logIndex}` };
      await core.notices.did(tables, {
        kind: "receipt.erase",
        about: `receipt ${runId}`,
        digest: digestOf(envelope),
        details: { job: jobId, run: runId, ...entry, reason },
      });
    }
    return receipts.map(({ runId }) => runId);
  });
  for (const runId of erased)
    note(core, jobId, `what was stated of ${runId} was erased: ${reason}`);
  return erased;
}

async function erasable(
  { jobs, receipts, audits }: StoreTables,
  jobId: string,
): Promise<readonly ReceiptRecord[]> {
  const job = await jobs.get(jobId);
  if (job === undefined) throw notFound("job", jobId, "see `quipu job ls`");
  const all = await receipts.ofJob(jobId);
  if (!isTerminal(job.state) || all.some(({ stage }) => stage === "staged")) {
    throw new QuipuError("CONFLICT", `job ${jobId} goes on, or its receipt is not in the log yet`, {
      next: `wait for its end with \`quipu job wait ${jobId}\``,
    });
  }
  // Whoever is found wrong is told so by its own signature.
  const audit = job.auditId === undefined ? audits.ofRun(job.runId) : audits.get(job.auditId);
  const open = await audit;
  if (open !== undefined && !isAuditOver(open.state)) {
    throw new QuipuError("CONFLICT", `audit ${open.id} looks into job ${jobId}, and is not over`, {
      next: `wait for its end; see \`quipu audit show ${open.id}\``,
    });
  }
  if (all.length === 0) {
    throw new QuipuError("NOT_FOUND", `no host has stated anything of job ${jobId}`, {
      next: "what the coordinator states itself is not erased",
    });
  }
  return all.filter(({ envelope }) => envelope.length > 0);
}
