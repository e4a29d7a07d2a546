/** An `Assign` message as a checked value: everything that a run needs, and nothing taken on trust. */
import { type Digest, digestOf, parseDigest } from "../base/bytes.js";
import { QuipuError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type { Assign, Gang } from "../gen/quipu/v1/attach_pb.js";
import { type DataClass, dataClasses } from "../model/data-set.js";
import type { Decision } from "../model/decision.js";
import { type GangSeat, gangSizeMax } from "../model/gang.js";
import { type JobSpec, jobBytes, jobSpec } from "../model/job.js";
import { name } from "../model/name.js";
import type { RunRef } from "../model/run.js";

export interface Assignment extends RunRef {
  readonly jobId: string;
  readonly job: JobSpec;
  readonly jobDigest: Digest;
  readonly decisionDigest: Digest;
  readonly policyDigest: Digest;
  readonly priceBookDigest?: Digest;
  readonly leaseMs: number;
  /** The first of those that the run has. */
  readonly device: string;
  readonly devices: readonly string[];
  readonly inputs: readonly InputGrant[];
  /** Present when the job names a data set: what the folder on this host must equal. */
  readonly dataSet?: DataSetFacts;
  /** Present for a member of a gang: which one it is, and where all of them are. */
  readonly gang?: GangSeat;
}

/** An input blob and the right to fetch it. */
export interface InputGrant {
  readonly digest: Digest;
  readonly url: string;
  readonly token: string;
}

export interface DataSetFacts {
  readonly name: string;
  readonly manifestDigest: Digest;
  readonly dataClass: DataClass;
}

/** Longest lease that an agent takes from a coordinator. */
const leaseMsMax = 3_600_000;
const inputsMax = 1024;

/** Throws INVALID_ARGUMENT, JOB_FILE_INVALID or LIMIT_EXCEEDED. */
export function parseAssignment(assign: Assign): Assignment {
  const { jobId, device } = assign;
  const job = parseJob(assign.spec);
  const { policyDigest, priceBookDigest } = parseJson<Decision>(assign.decision, "decision");
  if (assign.inputs.length > inputsMax) {
    throw new QuipuError("LIMIT_EXCEEDED", `the assignment names more than ${inputsMax} inputs`);
  }
  const dataSet = parseDataSet(assign, job);
  return {
    ...runRefOf(assign),
    jobId,
    job,
    jobDigest: digestOf(assign.spec),
    decisionDigest: digestOf(assign.decision),
    policyDigest: parseDigest(String(policyDigest)),
    ...(priceBookDigest === undefined
      ? {}
      : { priceBookDigest: parseDigest(String(priceBookDigest)) }),
    leaseMs: checkedMs(assign.leaseMs, leaseMsMax, "leaseMs"),
    device,
    devices: parseDevices(assign, job),
    inputs: assign.inputs.map(({ digest, url, token }) => ({
      digest: parseDigest(digest),
      url,
      token,
    })),
    ...(dataSet === undefined ? {} : { dataSet }),
    ...(assign.gang === undefined ? {} : { gang: parseGang(assign.gang) }),
  };
}

/** Empty on the wire where there is one. */
function parseDevices({ device, devices }: Assign, { resources }: JobSpec): readonly string[] {
  const all = devices.length === 0 ? [device] : devices;
  const { devices: count = 1 } = resources;
  if (all.length === count && all[0] === device && new Set(all).size === count) return all;
  const text = `the job asks for ${count} devices, and is assigned ${all.join(", ")}`;
  throw new QuipuError("INVALID_ARGUMENT", text);
}

function parseGang({ rank, size, members }: Gang): GangSeat {
  const inOrder = members.length === size && members.every((member, at) => member.rank === at);
  if (size > gangSizeMax || rank < 0 || rank >= size || !inOrder) {
    throw new QuipuError("INVALID_ARGUMENT", `not a gang: rank ${rank} of ${size}`);
  }
  return {
    rank,
    size,
    members: members.map(({ rank, jobId, host, httpUrl }) => ({ rank, jobId, host, httpUrl })),
  };
}

/** Run and epoch of a message. They become a file name, so their form is checked. */
export function runRefOf(message: { readonly runId: string; readonly epoch: bigint }): RunRef {
  const { runId } = message;
  const epoch = Number(message.epoch);
  if (!name.safeParse(runId).success || !Number.isSafeInteger(epoch) || epoch < 0) {
    throw new QuipuError("INVALID_ARGUMENT", `not a run: ${runId.slice(0, 80)} epoch ${epoch}`);
  }
  return { runId, epoch };
}

/** File name of a run in journal and spool. */
export function runKey({ runId, epoch }: RunRef): string {
  return `${runId}.${epoch}`;
}

/** The inverse of `runKey`; undefined for a name that is none. */
export function parseRunKey(key: string): RunRef | undefined {
  const match = /^([a-z0-9-]+)\.([0-9]{1,15})$/.exec(key);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { runId: match[1], epoch: Number(match[2]) };
}

/** A duration from the wire, from 1 ms to `maxMs`. */
export function checkedMs(value: bigint, maxMs: number, what: string): number {
  if (value >= 1n && value <= BigInt(maxMs)) return Number(value);
  throw new QuipuError("INVALID_ARGUMENT", `${what} is ${value}, outside 1..${maxMs}`);
}

function parseJob(bytes: Uint8Array): JobSpec {
  if (bytes.length > limits.jobBytesMax) {
    throw new QuipuError("LIMIT_EXCEEDED", `a job of ${bytes.length} bytes is too large`);
  }
  const parsed = jobSpec.safeParse(parseJson(bytes, "job"));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join(".") || "the job";
    throw new QuipuError("JOB_FILE_INVALID", `${where}: ${issue?.message ?? "not a job"}`);
  }
  // The receipt names the job by the digest of these bytes and states the job itself; both must be
  // the same thing to whoever checks it, whatever defaults this version would fill in.
  if (!Buffer.from(jobBytes(parsed.data)).equals(bytes)) {
    throw new QuipuError("JOB_FILE_INVALID", "the assigned job is not in canonical form", {
      next: "run coordinator and agent of the same version",
    });
  }
  return parsed.data;
}

function parseDataSet(assign: Assign, job: JobSpec): DataSetFacts | undefined {
  if (job.dataSet === undefined) return undefined;
  const grant = assign.dataSets.find((one) => one.name === job.dataSet);
  const dataClass = dataClasses.find((one) => one === grant?.dataClass);
  if (grant === undefined || dataClass === undefined) {
    throw new QuipuError("INVALID_ARGUMENT", `no grant for the job's data set ${job.dataSet}`);
  }
  return { name: grant.name, manifestDigest: parseDigest(grant.manifestDigest), dataClass };
}

function parseJson<T = unknown>(bytes: Uint8Array, what: string): T {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as T;
  } catch (cause) {
    throw new QuipuError("INVALID_ARGUMENT", `the assigned ${what} is not JSON`, { cause });
  }
}
