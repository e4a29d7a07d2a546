/** `RUNNING`: the agent holds the run and works on it. */
import type { RunUpdate } from "../../gen/quipu/v1/attach_pb.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { Core } from "../core.js";
import type { ActiveRun } from "./active-runs.js";
import { stepJob } from "./job-machine.js";
import { isCurrent } from "./run-end.js";

const activityLengthMax = 200;

export async function acknowledge(
  core: Core,
  host: string,
  instanceId: string,
  { runId, epoch, progress, activity }: RunUpdate,
): Promise<void> {
  const active = core.runs.granted(host, { runId, epoch: Number(epoch) });
  if (active === undefined) return; // fenced; the next heartbeat tells the agent
  active.progress = Math.min(1, Math.max(0, Number.isNaN(progress) ? 0 : progress));
  active.activity = activity.slice(0, activityLengthMax);
  await markHeld(core, active, instanceId);
  core.changes.changed(active.run.jobId);
}

/** Durable knowledge that this very agent process has the run: if it dies, the run dies with it. */
export async function markHeld(core: Core, active: ActiveRun, instanceId: string): Promise<void> {
  if (active.acknowledged && active.instanceId === instanceId) return;
  const atMs = core.ports.clock.wallMs();
  await core.ports.store.transact((tables) => hold(tables, active.run.id, instanceId, atMs));
  active.acknowledged = true;
  active.instanceId = instanceId;
}

async function hold(
  { runs, jobs }: StoreTables,
  runId: string,
  instanceId: string,
  atMs: number,
): Promise<void> {
  const run = await runs.get(runId);
  const job = run === undefined ? undefined : await jobs.get(run.jobId);
  if (run === undefined || job === undefined || !isCurrent(run, job)) return;
  await runs.update(runId, { stage: "acknowledged", instanceId });
  const next = stepJob(job, { kind: "start" }, atMs);
  if (next !== undefined) await jobs.update(next);
}
