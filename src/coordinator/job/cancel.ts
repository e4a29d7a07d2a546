/** Cancels a job: the mark is durable before anyone is told, and told again at each attach. */
import { type ErrorJson, QuipuError } from "../../base/errors.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { JobRecord } from "../../io/store/records.js";
import { isTerminal } from "../../model/job.js";
import { type Core, note, notFound } from "../core.js";
import { sendCancel } from "../dispatch/assign.js";
import { tellChange, writeJob } from "./graph.js";
import { stepJob } from "./job-machine.js";

const reasonLengthMax = 500;

/** Doing it twice is once; a job that ended otherwise is a CONFLICT. */
export async function cancelJob(
  core: Core,
  id: string,
  reason: string,
  failure?: ErrorJson,
): Promise<JobRecord> {
  const text = reason.slice(0, reasonLengthMax).toWellFormed() || "no reason given";
  const atMs = core.ports.clock.wallMs();
  const { job, followers } = await core.ports.store.transact((tables) =>
    mark(core, tables, id, { reason: text, ...(failure === undefined ? {} : { failure }) }, atMs),
  );
  tellChange(core, job, followers);
  core.queue.add(job);
  note(core, id, `cancel: ${text}`);
  if (isTerminal(job.state)) return job;
  const active = core.runs.get(job.runId);
  if (active === undefined) {
    // Its placement has committed and is about to be sent; that send brings the cancel with it.
    core.earlyCancels.set(id, text);
  } else if (active.cancelReason === undefined) {
    active.cancelReason = text;
    sendCancel(core, active);
  }
  return job;
}

async function mark(
  core: Core,
  tables: StoreTables,
  id: string,
  why: { readonly reason: string; readonly failure?: ErrorJson },
  atMs: number,
): Promise<{ job: JobRecord; followers: readonly JobRecord[] }> {
  const job = await tables.jobs.get(id);
  if (job === undefined) throw notFound("job", id, "see `quipu job ls`");
  if (job.state === "cancelled") return { job, followers: [] };
  const next = stepJob(job, { kind: "cancel", ...why }, atMs);
  if (next === undefined) {
    throw new QuipuError("CONFLICT", `job ${id} is ${job.state} already`, {
      next: `see it with \`quipu job show ${id}\``,
    });
  }
  return { job: next, followers: await writeJob(core, tables, next, atMs) };
}
