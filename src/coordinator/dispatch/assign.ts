/**
 * The message that grants a run, and the moment it is sent: the lease of the run starts with it.
 */
import { create } from "@bufbuild/protobuf";
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import {
  AssignSchema,
  type AttachResponse,
  AttachResponseSchema,
  CancelSchema,
} from "../../gen/quipu/v1/attach_pb.js";
import type { JobRecord } from "../../io/store/records.js";
import { devicesOf } from "../../model/host.js";
import { jobArtifacts } from "../../model/job.js";
import { type Core, leaseEnd, trouble } from "../core.js";
import { type ActiveRun, mustStop } from "../job/active-runs.js";
import { loseRun } from "../job/run-end.js";
import { specOf } from "../job/specs.js";
import { grantNeeded, type SignedGrant } from "./grants.js";

type Said = Exclude<AttachResponse["message"], { case: undefined }>;

export function say(message: Said): AttachResponse {
  return create(AttachResponseSchema, { message });
}

/**
 * Sends `Assign`, and `Cancel` after it when the job was cancelled meanwhile. The decision, run and
 * epoch are durable already; when the message is lost, the host's next attach sends it again.
 */
export async function sendAssign(
  core: Core,
  active: ActiveRun,
  decision?: Uint8Array,
): Promise<void> {
  try {
    const message = await assignOf(core, active, decision);
    // Between here and the send nothing is awaited: a run that is being ended is never sent, and
    // the lease counts from a moment that is not later than the send.
    const session = core.sessions.get(active.run.host);
    if (active.ending || session === undefined) return;
    active.leaseEndsAtMs = leaseEnd(core);
    session.send(message);
    if (mustStop(active)) sendCancel(core, active);
  } catch (thrown) {
    const what = `assign run ${active.run.id}`;
    const error = trouble(core, what, thrown);
    if (error.kind !== "terminal") return; // the lease ends and the job is placed again
    await loseRun(core, active, error.toJSON()).catch((again) => trouble(core, what, again));
  }
}

export function sendCancel(core: Core, active: ActiveRun): void {
  const { id, epoch, host } = active.run;
  const value = create(CancelSchema, {
    runId: id,
    epoch: BigInt(epoch),
    reason: active.cancelReason ?? active.leaves ?? "",
  });
  core.sessions.get(host)?.send(say({ case: "cancel", value }));
}

async function assignOf(
  core: Core,
  { run }: ActiveRun,
  content?: Uint8Array,
): Promise<AttachResponse> {
  const { store } = core.ports;
  const job = await store.jobs.get(run.jobId);
  const decision = content ?? (await store.decisions.get(run.decisionId))?.content;
  if (job === undefined || decision === undefined) {
    throw new QuipuError("INTERNAL", `run ${run.id} has no job or no decision in the store`);
  }
  const inputs: ({ readonly digest: Digest } & SignedGrant)[] = [];
  for (const digest of jobArtifacts(specOf(job))) {
    inputs.push({ digest, ...(await grantNeeded(core, job, digest, run.place)) });
  }
  const gang = job.gangId === undefined ? {} : { gang: await gangMessage(core, job, job.gangId) };
  const value = create(AssignSchema, {
    runId: run.id,
    epoch: BigInt(run.epoch),
    jobId: run.jobId,
    spec: job.spec,
    decision,
    leaseMs: BigInt(core.options.leaseMs),
    device: run.device,
    devices: run.more === undefined ? [] : [...devicesOf(run)],
    inputs,
    dataSets: run.dataSet === undefined ? [] : [run.dataSet],
    ...gang,
  });
  return say({ case: "assign", value });
}

/** All members have hosts: they were placed in one transaction. */
async function gangMessage(core: Core, job: JobRecord, gangId: string) {
  const members = await core.ports.store.jobs.ofGang(gangId);
  return {
    rank: specOf(job).gang?.rank ?? 0,
    size: members.length,
    members: members.map(({ id: jobId, host }, rank) => {
      return { rank, jobId, host, httpUrl: core.hosts.get(host)?.httpUrl ?? "" };
    }),
  };
}
