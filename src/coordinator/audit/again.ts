/** The job that runs a run again, and who there is to give it to. */
import { newId } from "../../base/ids.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { JobRecord } from "../../io/store/records.js";
import { auditOwner } from "../../model/audit.js";
import type { Bounds } from "../../model/decision.js";
import { deviceKinds } from "../../model/host.js";
import { compare } from "../../scheduler/placement/fleet.js";
import type { Core } from "../core.js";
import { boundsOf, lostOutput } from "../dispatch/bounds.js";
import type { BookedJudgement } from "../host/fleet.js";
import { newJob } from "../job/admission.js";
import { specOf } from "../job/specs.js";

/** Whatever its owner asked for: no host that dies ends an audit. */
const attemptsMax = 3;

/** A job of the coordinator's, who bears its cost. */
export function againJob(
  core: Core,
  { spec, specDigest }: Pick<JobRecord, "spec" | "specDigest">,
  auditId: string,
  atMs: number,
): JobRecord {
  const asked = { bytes: spec, spec: specOf({ spec }), digest: specDigest };
  const id = newId("job", core.ports.random);
  const deadlineMs = atMs + core.options.audits.withinMs;
  const job = newJob(asked, { id, position: 0, atMs });
  return { ...job, owner: auditOwner, auditId, deadlineMs, attemptsMax };
}

/**
 * In the transaction that writes its audit. It takes what the job `from` takes of others, and the output
 * `takes` of that job itself.
 */
export async function insertAgain(
  { jobs, jobLinks }: StoreTables,
  again: JobRecord,
  { from, takes }: { readonly from: string; readonly takes?: string | undefined },
): Promise<JobRecord> {
  const placed = { ...again, position: (await jobs.lastPosition()) + 1 };
  await jobs.insert([placed]);
  const links = (await jobLinks.needs(from)).map((link) => ({ ...link, jobId: again.id }));
  const own = takes === undefined ? [] : [{ jobId: again.id, afterId: from, output: takes }];
  await jobLinks.insert([...links, ...own]);
  return placed;
}

/** After the commit. */
export function queueAgain(core: Core, again: JobRecord): void {
  core.audits.opened(again.auditId ?? "");
  core.queue.add(again);
  core.deadlines.expect();
  core.wake();
}

export interface Asking {
  /** Whose outputs it takes. */
  readonly makers: readonly JobRecord[];
  /** Hosts that are not asked again. */
  readonly answered: readonly string[];
  /** Whether it waits also for hosts that are away or cordoned now. */
  readonly isPatient: boolean;
}

/** Whether any other host could, when it is healthy and free. Nothing is rented for it. */
export async function canAnswer(
  core: Core,
  again: JobRecord,
  { makers, answered, isPatient }: Asking,
): Promise<boolean> {
  if ((await lostOutput(core, makers)) !== undefined) return false;
  // A quota that is used up and a maker that is away are waited for, as a busy host is.
  const { absent: _, ...bounds } = await boundsOf(core, again, core.queue.idleShares(), makers);
  const spec = specOf(again);
  const ask = await core.fleet.ask(spec, { ...bounds, audited: [...answered].sort(compare) });
  const isThere = (name: string): boolean => {
    const { offer, cordon } = core.hosts.get(name) ?? {};
    if (isPatient && offer === undefined) return true;
    return cordon === undefined && core.sessions.has(name);
  };
  for (const names of ask.alike()) {
    const name = names.find(isThere);
    const finding = name === undefined ? undefined : ask.ofReady(name);
    if (finding !== undefined && !("fault" in finding)) return true;
  }
  return false;
}

/** Who has answered for the run that a job looks into, and is not asked again; and on what. */
export async function auditBounds(
  { ports: { store } }: Core,
  { auditId = "" }: JobRecord,
): Promise<Required<Pick<Bounds, "audited" | "auditedKinds">>> {
  const answers = await store.audits.answers(auditId);
  return {
    audited: answers.map(({ host }) => host).sort(compare),
    auditedKinds: deviceKinds.filter((kind) => answers.some((one) => one.deviceKind === kind)),
  };
}

/** On another kind of device than those that have answered, where one is to be had. */
export async function decideAgain(
  core: Core,
  job: JobRecord,
  others: Bounds,
): Promise<BookedJudgement> {
  const asked = { spec: specOf(job), digest: job.specDigest };
  const { audited, auditedKinds } = await auditBounds(core, job);
  const bounds = { ...others, audited };
  if (auditedKinds.length < deviceKinds.length) {
    const judgement = await core.fleet.decide(asked, { ...bounds, auditedKinds });
    if (judgement.decision.outcome.kind === "placed") return judgement;
  }
  return await core.fleet.decide(asked, bounds);
}
