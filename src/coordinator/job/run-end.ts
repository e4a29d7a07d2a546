/**
 * How a run stops counting without a receipt: the one transaction that every way of losing it uses.
 */
import type { ErrorCode, ErrorJson } from "../../base/errors.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { JobRecord, RunRecord } from "../../io/store/records.js";
import { type Core, note } from "../core.js";
import type { ActiveRun } from "./active-runs.js";
import { tellChange, writeJob } from "./graph.js";
import { stepJob } from "./job-machine.js";

/** Whether the job still waits for this very run. Everything else is fenced. */
export function isCurrent(run: RunRecord, job: JobRecord): boolean {
  const granted = run.stage === "assigned" || run.stage === "acknowledged";
  return granted && job.runId === run.id && job.epoch === run.epoch;
}

/** The run had to leave its host through no fault of the job's: that costs it no attempt. */
export function preempted(message: string): ErrorJson {
  return { code: "PREEMPTED", kind: "retryable", message };
}

/** Ways to be gone that are no news of a run that was told to leave. */
const departures: readonly ErrorCode[] = ["LEASE_EXPIRED", "WORKER_DIED", "UNAVAILABLE"];

/**
 * Gives the run up and its job back to the queue (or to its end). True when the run was current.
 * The run is closed to renewals before the commit: a lease must not be renewed while it is being
 * ended.
 */
export async function loseRun(core: Core, active: ActiveRun, cause: ErrorJson): Promise<boolean> {
  if (active.ending) return false;
  active.ending = true;
  const { leaves } = active;
  const failure = leaves && departures.includes(cause.code) ? preempted(leaves) : cause;
  let lost: Awaited<ReturnType<typeof lose>>;
  try {
    const atMs = core.ports.clock.wallMs();
    lost = await core.ports.store.transact((tables) =>
      lose(core, tables, active.run.id, failure, atMs),
    );
  } catch (error) {
    active.ending = false; // nothing was written: the run stays granted, and this is tried again
    throw error;
  }
  core.runs.delete(active.run.id);
  if (lost === undefined) return false;
  const { job, followers } = lost;
  core.earlyCancels.delete(job.id);
  note(core, job.id, `run ${active.run.id} is lost (${failure.message}); the job is ${job.state}`);
  core.queue.add(job);
  tellChange(core, job, followers);
  core.wake();
  return true;
}

async function lose(
  core: Core,
  tables: StoreTables,
  runId: string,
  failure: ErrorJson,
  atMs: number,
): Promise<{ job: JobRecord; followers: readonly JobRecord[] } | undefined> {
  const { runs, jobs, dataUses } = tables;
  const run = await runs.get(runId);
  const job = run === undefined ? undefined : await jobs.get(run.jobId);
  if (run === undefined || job === undefined || !isCurrent(run, job)) return undefined;
  const next = stepJob(job, { kind: "lose", failure }, atMs);
  if (next === undefined) return undefined;
  await runs.update(runId, { stage: "lost", endedAtMs: atMs });
  await dataUses.delete(runId);
  return { job: next, followers: await writeJob(core, tables, next, atMs) };
}
