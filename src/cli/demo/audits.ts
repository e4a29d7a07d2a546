/** Runs of hosts that nobody knows yet are run again elsewhere: the demo waits for it, and tells. */
import { setTimeout as delay } from "node:timers/promises";
import { type AuditView, auditText, auditView } from "../audit/audit-view.js";
import type { Context } from "../context.js";
import type { JobView } from "../job/job-view.js";

const lookEveryMs = 100;
const waitMsMax = 60_000;
const auditsMax = 500;

/** What came of looking into these jobs; after a minute as far as it has come. */
export async function auditsOf(
  context: Context,
  jobs: readonly JobView[],
): Promise<readonly AuditView[]> {
  const { audits } = await context.coordinator();
  const names = new Map(jobs.map(({ id, name }) => [id, name]));
  for (let waitedMs = 0; ; waitedMs += lookEveryMs) {
    const all = (await audits.listAudits({ limit: auditsMax })).audits.map(auditView);
    const found = all.filter(({ jobId }) => names.has(jobId)).reverse();
    if (found.every(({ closedAt }) => closedAt !== null) || waitedMs >= waitMsMax) {
      for (const audit of found) {
        context.output.note(`  ${names.get(audit.jobId)}  ${auditText(audit)}`);
      }
      return found;
    }
    await delay(lookEveryMs, undefined, { signal: context.signal });
  }
}
