/**
 * What happens to one member of a gang happens to all. A run that is lost makes the others stop, which
 * costs them no attempt, and the gang is placed anew; a member that ends otherwise than well ends the
 * others. What is to be done follows from the members' rows alone, so that it is done after a crash too.
 */
import { type ErrorJson, QuipuError } from "../../base/errors.js";
import type { JobRecord } from "../../io/store/records.js";
import { isTerminal } from "../../model/job.js";
import { type Core, note } from "../core.js";
import { sendCancel } from "../dispatch/assign.js";
import { cancelJob } from "../job/cancel.js";
import { Owed } from "../owed.js";

export type GangStep =
  | { readonly kind: "rest" }
  /** None of these may go on: the gang will not be whole again. */
  | {
      readonly kind: "end";
      readonly jobs: readonly JobRecord[];
      readonly reason: string;
      readonly failure?: ErrorJson;
    }
  /** These have to leave their hosts, since another one is to be placed anew. */
  | { readonly kind: "stop"; readonly jobs: readonly JobRecord[]; readonly reason: string };

export function gangStep(members: readonly JobRecord[]): GangStep {
  const open = members.filter(
    ({ state, cancelReason }) => !isTerminal(state) && cancelReason === undefined,
  );
  if (open.length === 0) return { kind: "rest" };
  const cancelled = members.find(({ cancelReason }) => cancelReason !== undefined);
  if (cancelled !== undefined) return endWith(cancelled, open);
  const ended = members.find(({ state }) => isTerminal(state) && state !== "succeeded");
  if (ended !== undefined) {
    const why = ended.failure === undefined ? "" : ` (${ended.failure.code})`;
    return fail(open, `${named(ended)} of its gang is ${ended.state}${why}`);
  }
  const waiting = members.find(({ state }) => state === "queued");
  if (waiting === undefined) return { kind: "rest" };
  const done = members.find(({ state }) => state === "succeeded");
  if (done !== undefined) {
    return fail(open, `${named(waiting)} of its gang lost its run after ${named(done)} had ended`);
  }
  const placed = members.filter(({ state }) => state !== "queued");
  if (placed.length === 0) return { kind: "rest" };
  return { kind: "stop", jobs: placed, reason: restartText(waiting) };
}

function named({ id, name }: JobRecord): string {
  return `job ${id} (${name})`;
}

/** Why a run of another member has to leave. */
export function restartText(waiting: JobRecord): string {
  return `${named(waiting)} of its gang lost its run; the gang is placed anew`;
}

function endWith(cancelled: JobRecord, jobs: readonly JobRecord[]): GangStep {
  const { cancelReason, failure } = cancelled;
  const reason = `${named(cancelled)} of its gang is cancelled: ${cancelReason}`;
  return { kind: "end", jobs, reason, ...(failure === undefined ? {} : { failure }) };
}

function fail(jobs: readonly JobRecord[], reason: string): GangStep {
  const next = "see to that one; `quipu job retry` of any member runs the whole gang again";
  const failure = new QuipuError("GANG_FAILED", reason, { next }).toJSON();
  return { kind: "end", jobs, reason, failure };
}

export class Gangs {
  readonly #owed: Owed;

  constructor(core: () => Core) {
    this.#owed = new Owed(core, "gang", settleGang);
  }

  /** Something happened to this job; those of its gang are looked at soon. */
  look({ gangId }: Pick<JobRecord, "gangId">): void {
    if (gangId !== undefined) this.#owed.add(gangId);
  }

  /** Goes on with what could not be done yet. */
  retry(): void {
    this.#owed.retry();
  }
}

/** False where a run is on its way into or out of memory: it is looked at again. */
async function settleGang(core: Core, gangId: string): Promise<boolean> {
  const members = await core.ports.store.jobs.ofGang(gangId);
  if (members.some(({ state }) => state !== "queued") && core.gangHold.drop(gangId)) {
    core.fleet.hold([]);
    core.wake();
  }
  const step = gangStep(members);
  if (step.kind === "rest") return true;
  if (step.kind === "end") {
    for (const { id } of step.jobs) await endMember(core, id, step.reason, step.failure);
    return true;
  }
  let isDone = true;
  for (const { id, runId } of step.jobs) {
    const active = core.runs.get(runId);
    if (active === undefined || active.ending) isDone = false;
    else if (active.leaves === undefined) {
      active.leaves = step.reason;
      sendCancel(core, active);
      note(core, id, step.reason);
    }
  }
  return isDone;
}

async function endMember(
  core: Core,
  id: string,
  reason: string,
  failure: ErrorJson | undefined,
): Promise<void> {
  try {
    await cancelJob(core, id, reason, failure);
  } catch (thrown) {
    if (QuipuError.from(thrown).code !== "CONFLICT") throw thrown; // else it has ended
  }
}
