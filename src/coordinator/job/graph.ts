/**
 * Jobs that come after others. What a job waits for is durable with it; the transaction that ends a
 * job also lets those behind it go on, or ends them, so that no crash leaves one waiting for nothing.
 */
import { digestOf } from "../../base/bytes.js";
import { type ErrorJson, QuipuError } from "../../base/errors.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { JobLinkRecord, JobRecord } from "../../io/store/records.js";
import type { Reason } from "../../model/decision.js";
import { type AskedJob, isTerminal, type JobSpec, jobBytes } from "../../model/job.js";
import { asIfMade, type Need, needsOf, placeOfNeed, withModel } from "../../model/job-graph.js";
import { waitingFor, waitOver } from "../../model/waits.js";
import { graphRule } from "../../scheduler/placement/explain.js";
import { type Core, note, notFound } from "../core.js";
import type { AdmittedSpec } from "./admission.js";
import { stepJob } from "./job-machine.js";
import { askedOf } from "./specs.js";

type Tables = Pick<StoreTables, "jobs" | "jobLinks">;
type Notaries = Pick<Core, "notices">;

/** New jobs with what each waits for, and the links to be written with them. */
export async function linkJobs(
  tables: Tables,
  admitted: readonly AdmittedSpec[],
  records: readonly JobRecord[],
): Promise<{ jobs: readonly JobRecord[]; links: readonly JobLinkRecord[] }> {
  const names = records.map(({ name }) => name);
  const jobs = [...records];
  const links = new Map<string, JobLinkRecord>();
  for (const [at, { spec }] of admitted.entries()) {
    const record = records[at] as JobRecord;
    const waitsFor = new Set<string>();
    for (const need of needsOf(spec)) {
      const place = placeOfNeed(names, need);
      const first = place === undefined ? await find(tables, need, record) : jobs[place];
      if (first === undefined) throw new QuipuError("INTERNAL", `nothing is at ${place}`);
      const link = { jobId: record.id, afterId: first.id, output: need.output ?? "" };
      links.set(JSON.stringify(link), link);
      if (first.state === "succeeded") continue;
      waitsFor.add(first.id);
      if (place !== undefined) jobs[place] = { ...first, isFollowed: true };
      else if (!first.isFollowed) await tables.jobs.update({ ...first, isFollowed: true });
    }
    const linked = jobs[at] as JobRecord; // which one before it may have marked
    if (waitsFor.size > 0) {
      const waits = waitingFor(undefined, graphRule, record.submittedAtMs);
      jobs[at] = { ...linked, waitsFor: [...waitsFor], waits };
    } else jobs[at] = await wholeNow(tables, linked, [...links.values()]);
  }
  return { jobs, links: [...links.values()] };
}

/**
 * A job as it would be if it were submitted now among others of these names, and whose output it takes. A
 * model that is not made yet is one that nobody knows.
 */
export async function madeNow(
  { jobs }: Pick<Tables, "jobs">,
  asked: AskedJob,
  names: readonly string[],
): Promise<{ readonly spec: JobSpec; readonly makers: readonly JobRecord[] }> {
  const need = needsOf(asked).find(({ output }) => output !== undefined);
  const isEarlier = need !== undefined && placeOfNeed(names, need) === undefined;
  const first = isEarlier ? await earlier(jobs, need, asked) : undefined;
  const outputs = first?.state === "succeeded" ? first.result?.outputs : undefined;
  const artifact = outputs?.find(({ name }) => name === need?.output);
  if (first === undefined || artifact === undefined) return { spec: asIfMade(asked), makers: [] };
  return { spec: withModel(asked, artifact.digest), makers: [first] };
}

/** Of several of a name the owner's newest. */
async function earlier(
  jobs: Tables["jobs"],
  { job: named }: Need,
  { owner }: Pick<JobRecord, "owner">,
): Promise<JobRecord | undefined> {
  return (await jobs.get(named)) ?? (await jobs.newest(owner, named));
}

/** Throws for one that will not succeed. */
async function find(tables: Tables, need: Need, record: JobRecord): Promise<JobRecord> {
  const found = await earlier(tables.jobs, need, record);
  if (found === undefined) throw notFound("job", need.job, "see `quipu job ls`");
  if (!isTerminal(found.state) || found.state === "succeeded") return found;
  throw new QuipuError("CONFLICT", `after: job ${found.id} (${found.name}) is ${found.state}`, {
    next: `run it again with \`quipu job retry ${found.id}\`, and come after that one`,
  });
}

/** Nothing is waited for: what it needs of others must be there. */
async function wholeNow(
  tables: Tables,
  job: JobRecord,
  links: readonly JobLinkRecord[],
): Promise<JobRecord> {
  const whole = await released(
    tables,
    job,
    links.filter(({ jobId }) => jobId === job.id),
  );
  if ("spec" in whole) return whole;
  throw new QuipuError("NOT_FOUND", whole.message, { next: "name one of its outputs" });
}

/**
 * Writes a job as it is now. One that has ended also ends those that wait for it, unless it succeeded:
 * then those that wait for nothing else go on. These are the answer. Where no host has signed for an end
 * (`hasReceipt`), the coordinator does.
 */
export async function writeJob(
  core: Notaries,
  tables: StoreTables,
  job: JobRecord,
  atMs: number,
  hasReceipt = false,
): Promise<readonly JobRecord[]> {
  await tables.jobs.update(job);
  if (isTerminal(job.state) && !hasReceipt) await core.notices.ended(tables, job, atMs);
  const changed: JobRecord[] = [];
  const ended = isTerminal(job.state) && job.isFollowed ? [job] : [];
  for (let first = ended.pop(); first !== undefined; first = ended.pop()) {
    for (const id of await tables.jobLinks.followers(first.id)) {
      const follower = await tables.jobs.get(id);
      if (follower?.state !== "queued" || !follower.waitsFor?.includes(first.id)) continue;
      const next = await nextOf(tables, follower, first, atMs);
      await tables.jobs.update(next);
      changed.push(next);
      if (!isTerminal(next.state)) continue;
      await core.notices.ended(tables, next, atMs);
      if (next.isFollowed) ended.push(next);
    }
  }
  return changed;
}

async function nextOf(
  tables: Tables,
  { waitsFor = [], ...follower }: JobRecord,
  first: JobRecord,
  atMs: number,
): Promise<JobRecord> {
  const rest = waitsFor.filter((id) => id !== first.id);
  if (first.state !== "succeeded") {
    const why = first.failure === undefined ? "" : `: ${first.failure.code}`;
    return ended(follower, `job ${first.id} (${first.name}) is ${first.state}${why}`, atMs);
  }
  if (rest.length > 0) return { ...follower, waitsFor: rest };
  const links = await tables.jobLinks.needs(follower.id);
  const whole = await released(tables, follower, links);
  const waits = waitOver(follower.waits, atMs);
  if ("spec" in whole) return waits === undefined ? whole : { ...whole, waits };
  return ended(follower, whole.message, atMs);
}

/** The job with the digests of what it takes from others, or what is missing of that. */
async function released(
  tables: Tables,
  job: JobRecord,
  links: readonly JobLinkRecord[],
): Promise<JobRecord | { readonly message: string }> {
  for (const { afterId, output } of links) {
    if (output === "") continue;
    const outputs = (await tables.jobs.get(afterId))?.result?.outputs ?? [];
    const artifact = outputs.find(({ name }) => name === output);
    if (artifact === undefined) {
      const known = outputs.map(({ name }) => name).join(", ") || "none";
      return { message: `job ${afterId} has no output ${output}; its outputs: ${known}` };
    }
    const spec = jobBytes(withModel(askedOf(job), artifact.digest));
    return { ...job, spec, specDigest: digestOf(spec) };
  }
  return job;
}

function ended(job: JobRecord, message: string, atMs: number): JobRecord {
  const failure: ErrorJson = new QuipuError("DEPENDENCY_FAILED", message, {
    next: "see to that one; then submit both again, or this one with `quipu job retry`",
  }).toJSON();
  const next = stepJob(job, { kind: "abandon", failure }, atMs);
  if (next === undefined) throw new QuipuError("INTERNAL", `job ${job.id} is ${job.state}`);
  return next;
}

/** After the commit: whoever watches the job, comes after it, runs beside it, or has it look into a run. */
export function tellChange(core: Core, job: JobRecord, followers: readonly JobRecord[]): void {
  core.changes.changed(job.id);
  tellFollowers(core, followers);
  core.gangs.look(job);
  core.audits.look(job);
}

/** After the commit. */
export function tellFollowers(core: Core, followers: readonly JobRecord[]): void {
  for (const follower of followers) {
    const { id, state, waitsFor = [] } = follower;
    core.queue.add(follower);
    if (waitsFor.length === 0) note(core, id, state === "queued" ? "may be placed now" : state);
    core.changes.changed(id);
  }
}

const reasonsMax = 4;

/** Why a job is not even decided about. */
export async function graphReasons(
  { jobs }: Pick<Tables, "jobs">,
  waitsFor: readonly string[],
): Promise<readonly Reason[]> {
  const reasons: Reason[] = [];
  for (const id of waitsFor.slice(0, reasonsMax)) {
    const first = await jobs.get(id);
    const text = `Job ${id} (${first?.name}) is ${first?.state}; it must have succeeded first.`;
    reasons.push({ rule: graphRule, text, hosts: 0, named: [] });
  }
  return reasons;
}
