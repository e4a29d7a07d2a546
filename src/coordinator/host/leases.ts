/**
 * What time alone brings about: leases end, silent streams are closed, staged receipts are retried.
 */
import type { ErrorJson } from "../../base/errors.js";
import { type Core, trouble } from "../core.js";
import { endDue } from "../dispatch/deadlines.js";
import type { ActiveRun } from "../job/active-runs.js";
import { finishReceipt } from "../job/ingest.js";
import { loseRun } from "../job/run-end.js";
import { brakedSites, siteOf } from "./brake.js";
import { drainDue } from "./cordon.js";

/** That share commits. */
const receiptsAtOnce = 256;

export async function tick(core: Core): Promise<void> {
  drainDue(core);
  const nowMs = core.ports.clock.bootMs();
  core.queue.lookNowAndThen(nowMs);
  const { leaseMs, leaseMarginMs } = core.options;
  for (const session of [...core.sessions.values(), ...core.strangers]) {
    if (session.heardAtMs + leaseMs + leaseMarginMs < nowMs) session.close();
  }
  await endDue(core);
  const expired = core.runs.expired(nowMs);
  if (expired.length > 0 || core.braked.size > 0) brake(core);
  for (const active of expired) {
    if (core.braked.has(siteOf(active.run.place))) continue;
    try {
      await loseRun(core, active, endOfLease(active));
    } catch (thrown) {
      trouble(core, `end of lease of run ${active.run.id}`, thrown); // tried again at the next tick
    }
  }
}

function endOfLease({ run }: ActiveRun): ErrorJson {
  const message = `host ${run.host} did not renew its lease`;
  return { code: "LEASE_EXPIRED", kind: "retryable", message };
}

function brake(core: Core): void {
  const before = core.braked;
  core.braked = brakedSites(core);
  for (const site of core.braked) {
    if (!before.has(site)) core.ports.observe({ kind: "brake", site, on: true });
  }
  for (const site of before) {
    if (!core.braked.has(site)) core.ports.observe({ kind: "brake", site, on: false });
  }
}

/**
 * Receipts that were accepted and are not in the log: found at a start, or refused by the log. Where all
 * of some fail the others would too, and wait for the next tick.
 */
export async function finishOwed(core: Core): Promise<void> {
  const owed = [...core.receiptsOwed];
  for (let at = 0; at < owed.length; at += receiptsAtOnce) {
    const batch = owed.slice(at, at + receiptsAtOnce);
    const failures: { runId: string; thrown: unknown }[] = [];
    const finished = batch.map((runId) =>
      finishOne(core, runId).catch((thrown: unknown) => failures.push({ runId, thrown })),
    );
    await Promise.all(finished);
    for (const { runId } of failures) core.receiptsOwed.putLast(runId);
    const [first, ...more] = failures;
    if (first === undefined) continue;
    const others = more.length === 0 ? "" : ` and ${more.length} more`;
    trouble(core, `receipt of run ${first.runId}${others}`, first.thrown);
    if (failures.length === batch.length) return;
  }
}

async function finishOne(core: Core, runId: string): Promise<void> {
  const receipt = await core.ports.store.receipts.get(runId);
  if (receipt?.stage === "staged") await finishReceipt(core, receipt);
  core.receiptsOwed.delete(runId);
}
