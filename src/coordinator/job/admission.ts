/**
 * From submitted bytes to durable queued jobs: all of them or none, once for each idempotency key.
 */
import { type Digest, digestOf, equalBytes } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { newId } from "../../base/ids.js";
import { limits } from "../../base/limits.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { JobRecord } from "../../io/store/records.js";
import { auditOwner } from "../../model/audit.js";
import { membersOf } from "../../model/gang.js";
import { type AskedJob, askedJob, jobArtifacts, jobBytes } from "../../model/job.js";
import { checkCycles, isWhole } from "../../model/job-graph.js";
import { name } from "../../model/name.js";
import { timeMs } from "../../model/time.js";
import { type Core, note, notFound } from "../core.js";
import { linkJobs } from "./graph.js";

const idempotencyKeyPattern = /^[\x21-\x7e]{1,128}$/;
/** Jobs that wait at once; a fleet that is this far behind says so instead of taking more. */
export const queuedJobsMax = 100_000;

export interface AdmittedSpec {
  readonly bytes: Uint8Array;
  readonly spec: AskedJob;
  readonly digest: Digest;
}

/**
 * Checks the bytes as if no client had; throws JOB_FILE_INVALID, LIMIT_EXCEEDED or NOT_FOUND.
 * Enough for a plan; a submission also needs the artifacts to be here.
 */
export async function checkSpecs(
  core: Core,
  specs: readonly Uint8Array[],
): Promise<readonly AdmittedSpec[]> {
  if (specs.length === 0 || specs.length > limits.jobsPerSubmitMax) {
    throw new QuipuError(
      "LIMIT_EXCEEDED",
      `${specs.length} jobs were given; a submission holds 1 to ${limits.jobsPerSubmitMax}`,
    );
  }
  const admitted = specs.map(parseSpec);
  const nowMs = core.ports.clock.wallMs();
  for (const { spec } of admitted) {
    checkOwner(spec);
    checkDeadline(spec, nowMs);
  }
  const members = admitted.reduce((sum, one) => sum + withMembers(one).length, 0);
  if (members > limits.jobsPerSubmitMax) {
    throw new QuipuError(
      "LIMIT_EXCEEDED",
      `members of gangs count too: ${members} jobs; a submission holds ${limits.jobsPerSubmitMax}`,
    );
  }
  checkCycles(admitted.map(({ spec }) => spec));
  for (const { spec } of admitted) await checkDataSet(core, spec);
  return admitted;
}

export async function submitJobs(
  core: Core,
  idempotencyKey: string,
  specs: readonly Uint8Array[],
): Promise<readonly JobRecord[]> {
  if (!idempotencyKeyPattern.test(idempotencyKey)) {
    throw new QuipuError("INVALID_ARGUMENT", "the idempotency key is empty, too long or not text", {
      next: "send 1 to 128 printable ASCII characters, new for each submission",
    });
  }
  const digest = digestOf(canonicalBytes(specs.map(digestOf)));
  const before = await earlier(core.ports.store, idempotencyKey, digest);
  if (before !== undefined) return before;
  const asked = await checkSpecs(core, specs);
  for (const { spec } of asked) await checkArtifacts(core, spec);
  const admitted = asked.flatMap(withMembers);
  checkCycles(admitted.map(({ spec }) => spec)); // again: members have names of their own
  const ids = admitted.map(() => newId("job", core.ports.random));
  const atMs = core.ports.clock.wallMs();
  // The answer may only be given after this commit. A crash before it loses nothing that anyone was
  // told of; a crash after it and before the answer is what the idempotency key is for.
  const jobs = await core.ports.store.transact(async (tables) => {
    const again = await earlier(tables, idempotencyKey, digest);
    if (again !== undefined) return again;
    if ((await tables.jobs.countQueued()) + admitted.length > queuedJobsMax) {
      throw new QuipuError("LIMIT_EXCEEDED", `more than ${queuedJobsMax} jobs would wait`, {
        next: "submit again when `quipu job ls` shows fewer queued jobs",
      });
    }
    const last = await tables.jobs.lastPosition();
    const records = admitted.map((one, i) => {
      const rank = one.spec.gang?.rank;
      const gangId = rank === undefined ? undefined : ids[i - rank];
      return newJob(one, { id: ids[i] as string, position: last + i + 1, atMs, gangId });
    });
    const { jobs, links } = await linkJobs(tables, admitted, records);
    await tables.jobs.insert(jobs);
    await tables.jobLinks.insert(links);
    await tables.submissions.insert({ key: idempotencyKey, digest, jobIds: ids });
    return jobs;
  });
  for (const job of jobs) {
    note(core, job.id, "admitted");
    core.queue.add(job);
    if (job.deadlineMs !== undefined) core.deadlines.expect();
  }
  core.wake();
  return jobs;
}

/** The jobs that this key made before; throws CONFLICT when it made other ones. */
async function earlier(
  { submissions, jobs }: Pick<StoreTables, "submissions" | "jobs">,
  key: string,
  digest: Digest,
): Promise<readonly JobRecord[] | undefined> {
  const submission = await submissions.get(key);
  if (submission === undefined) return undefined;
  if (submission.digest !== digest) {
    throw new QuipuError("CONFLICT", "this idempotency key was used for other jobs", {
      next: "use a new key for a new submission",
    });
  }
  const records = [];
  for (const id of submission.jobIds) {
    const job = await jobs.get(id);
    if (job === undefined) throw new QuipuError("INTERNAL", `job ${id} is missing in the store`);
    records.push(job);
  }
  return records;
}

function parseSpec(bytes: Uint8Array): AdmittedSpec {
  if (bytes.length > limits.jobBytesMax) {
    throw new QuipuError(
      "LIMIT_EXCEEDED",
      `a job of ${bytes.length} bytes is larger than ${limits.jobBytesMax}`,
    );
  }
  const parsed = askedJob.safeParse(readJson(bytes));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join(".") || "the job";
    throw new QuipuError("JOB_FILE_INVALID", `${field}: ${issue?.message ?? "not a job"}`, {
      details: { field },
    });
  }
  if (!equalBytes(jobBytes(parsed.data), bytes)) {
    throw new QuipuError("JOB_FILE_INVALID", "the job is not in canonical form", {
      next: "send canonical JSON with all defaults filled in, as `quipu run` does",
    });
  }
  return { bytes, spec: parsed.data, digest: digestOf(bytes) };
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new QuipuError("JOB_FILE_INVALID", "the job is not JSON in UTF-8", { cause });
  }
}

function checkOwner({ owner, name }: AskedJob): void {
  if (owner !== auditOwner) return;
  throw new QuipuError(
    "JOB_FILE_INVALID",
    `owner: ${owner} of job ${name} is the coordinator's own`,
    {
      next: "name whoever pays for the job",
      details: { field: "owner" },
    },
  );
}

function checkDeadline({ name, deadline }: AskedJob, nowMs: number): void {
  if (deadline === undefined || timeMs(deadline) > nowMs) return;
  throw new QuipuError("JOB_FILE_INVALID", `deadline: ${deadline} of job ${name} has passed`, {
    details: { field: "deadline" },
  });
}

async function checkDataSet(core: Core, { dataSet }: AskedJob): Promise<void> {
  if (dataSet === undefined || (await core.ports.store.dataSets.get(dataSet))) return;
  const register = `quipu data add FOLDER --name ${dataSet} --class CLASS`;
  throw notFound("data set", dataSet, `register it with \`${register}\`, or see \`quipu data ls\``);
}

async function checkArtifacts(core: Core, spec: AskedJob): Promise<void> {
  if (!isWhole(spec)) return; // its model is not made yet
  for (const digest of jobArtifacts(spec)) {
    if ((await core.ports.artifacts.sizeOf(digest)) !== undefined) continue;
    throw notFound("artifact", digest, "bring it with `quipu artifact put FILE`");
  }
}

/** Every member as it would be if it had been submitted by itself; their names are longer. */
function withMembers(one: AdmittedSpec): readonly AdmittedSpec[] {
  if (one.spec.gang === undefined) return [one];
  return membersOf(one.spec).map((spec) => {
    const { error } = name.safeParse(spec.name);
    if (error !== undefined) {
      const why = error.issues[0]?.message;
      throw new QuipuError("JOB_FILE_INVALID", `name: ${spec.name} of the gang: ${why}`, {
        next: "give the gang a shorter name",
        details: { field: "name" },
      });
    }
    const bytes = jobBytes(spec);
    return { bytes, spec, digest: digestOf(bytes) };
  });
}

export function newJob(
  one: AdmittedSpec,
  {
    id,
    position,
    atMs,
    gangId,
  }: { id: string; position: number; atMs: number; gangId?: string | undefined },
): JobRecord {
  return {
    id,
    position,
    ...(gangId === undefined ? {} : { gangId }),
    name: one.spec.name,
    owner: one.spec.owner,
    driver: one.spec.task.driver,
    spec: one.bytes,
    specDigest: one.digest,
    attemptsMax: one.spec.attemptsMax,
    ...(one.spec.deadline === undefined ? {} : { deadlineMs: timeMs(one.spec.deadline) }),
    state: "queued",
    runId: "",
    epoch: 0,
    host: "",
    country: "",
    decisionId: "",
    submittedAtMs: atMs,
  };
}
