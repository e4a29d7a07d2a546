/** Makes runs leave for a job that comes before theirs; it costs them no attempt. */
import type { Bounds } from "../../model/decision.js";
import type { DeviceKind, RunLoad } from "../../model/host.js";
import type { JobSpec } from "../../model/job.js";
import {
  preemptionFor,
  type Running,
  ruleFor,
  type Victim,
} from "../../scheduler/placement/preempt.js";
import type { Shares } from "../../scheduler/queue/shares.js";
import { type Core, note } from "../core.js";
import { type ActiveRun, mustStop } from "../job/active-runs.js";
import { sendCancel } from "./assign.js";

/** Which runs would have to leave for such a job now; nothing happens to them. */
export async function preemptionOf(
  core: Core,
  spec: JobSpec,
  bounds: Bounds,
  shares: Shares,
): Promise<readonly Victim[] | undefined> {
  const { owner, priority = 0, resources } = spec;
  const ownsNext = (kind: DeviceKind) => shares.claim(owner, kind, resources.devices) === "own";
  const borrowed = (of: string, kind: DeviceKind) => shares.borrowed(of, kind);
  const claimant = { owner, priority, ownsNext };
  const mayLeave: Running[] = [];
  for (const active of core.runs.all()) {
    const { run, job, ending } = active;
    if (ending || mustStop(active)) continue;
    const { owner: of, priority: at } = job;
    const held = { ...loadOf(run), owner: of, priority: at };
    if (ruleFor(claimant, held, borrowed) !== undefined) mayLeave.push(runningOf(active));
  }
  if (mayLeave.length === 0) return undefined;
  return preemptionFor(await core.fleet.ask(spec, bounds), claimant, mayLeave, borrowed);
}

/**
 * Tells them to stop. They are given up when their hosts say that they have, and what they held is this
 * job's first. A restart forgets it: then it is looked at anew.
 */
export async function preemptFor(
  core: Core,
  jobId: string,
  spec: JobSpec,
  bounds: Bounds,
  shares: Shares,
): Promise<void> {
  if (core.claims.has(jobId)) return;
  const victims = await preemptionOf(core, spec, bounds, shares);
  if (victims === undefined) return;
  const gone = victims.flatMap(({ runId }) => core.runs.get(runId) ?? []);
  for (const [at, active] of gone.entries()) {
    if (active.ending || mustStop(active)) continue;
    active.leaves = reasonText(jobId, spec, victims[at] as Victim);
    sendCancel(core, active);
    note(core, active.run.jobId, active.leaves);
  }
  core.claims.add(
    jobId,
    gone.map(({ run }) => run),
  );
}

function reasonText(jobId: string, { name, owner, priority = 0 }: JobSpec, { rule }: Victim) {
  return `job ${jobId} (${name} of ${owner}, priority ${priority}) comes first, by ${rule}`;
}

function runningOf({ run, job }: ActiveRun): Running {
  const { id: runId, jobId, host, assignedAtMs: startedAtMs } = run;
  const { name: jobName, owner, priority } = job;
  return { ...loadOf(run), host, runId, jobId, jobName, owner, priority, startedAtMs };
}

function loadOf({ device, slots, memoryBytes, more }: RunLoad): RunLoad {
  return { device, slots, memoryBytes, ...(more === undefined ? {} : { more }) };
}
