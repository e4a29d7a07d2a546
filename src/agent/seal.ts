/**
 * The end of a run in one value: the facts about it, signed, in the update that carries them. Pure; it
 * becomes durable in the spool.
 */

import { create } from "@bufbuild/protobuf";
import { QuipuError } from "../base/errors.js";
import {
  type Disclosure,
  DisclosureSchema,
  RunState,
  type RunUpdate,
} from "../gen/quipu/v1/attach_pb.js";
import type { ClockReading, RunFacts, Usage } from "../model/run.js";
import type { Statement } from "../model/statement.js";
import { sealDisclosure, seedBytes } from "../proof/receipt/disclosure.js";
import { parseEnvelope, receiptKeyId, sealEnvelope } from "../proof/receipt/envelope.js";
import { buildStatement } from "../proof/receipt/statement.js";
import type { Assignment } from "./assignment.js";
import { runUpdate } from "./messages.js";
import type { AgentIdentity, AgentPorts, RunReport } from "./ports.js";

export interface RunEnd {
  readonly assignment: Assignment;
  readonly cancelled: boolean;
  /** Absent when the work never started. */
  readonly report: RunReport | undefined;
  readonly clock: ClockReading | undefined;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly finishedAt: string;
}

export const noUsage: Usage = Object.freeze({
  wallMs: 0,
  deviceMs: 0,
  cpuMs: 0,
  inputBytes: 0,
  outputBytes: 0,
});

export function sealRun(
  end: RunEnd,
  identity: AgentIdentity,
  signer: AgentPorts["signer"],
): RunUpdate {
  const facts = factsOf(end, identity);
  const envelope = sealEnvelope(buildStatement(facts), signer);
  return runUpdate(identity.host, end.assignment, {
    state: states[facts.outcome],
    progress: facts.outcome === "succeeded" ? 1 : 0,
    envelope,
    ...(facts.failure === undefined ? {} : { failure: facts.failure }),
    outputs: facts.result?.outputs ?? [],
  });
}

/**
 * What lets fields of a sealed receipt be shown one by one; nothing where another key sealed it. Another
 * each time: the coordinator keeps the one that it hears with the receipt first.
 */
export function disclosureOf(
  sealed: Uint8Array,
  { signer, random, hashMany }: Pick<AgentPorts, "signer" | "random" | "hashMany">,
): Disclosure | undefined {
  const envelope = parseEnvelope(sealed);
  if (envelope.keyId !== receiptKeyId(signer.publicKey)) return undefined;
  // Its rules were checked before it was signed.
  const statement = JSON.parse(new TextDecoder().decode(envelope.payload)) as Statement;
  const seed = random.bytes(seedBytes);
  const made = sealDisclosure({ envelope, statement }, seed, signer, hashMany);
  return create(DisclosureSchema, made);
}

const states: Readonly<Record<RunFacts["outcome"], RunState>> = {
  succeeded: RunState.SUCCEEDED,
  failed: RunState.FAILED,
  cancelled: RunState.CANCELLED,
};

function factsOf(end: RunEnd, identity: AgentIdentity): RunFacts {
  const { assignment, report } = end;
  return {
    runId: assignment.runId,
    epoch: assignment.epoch,
    jobId: assignment.jobId,
    jobDigest: assignment.jobDigest,
    job: assignment.job,
    host: identity.host,
    place: identity.place,
    ...(end.clock === undefined ? {} : { clock: end.clock }),
    agentVersion: identity.version,
    devices: devicesOf(end),
    decisionDigest: assignment.decisionDigest,
    policyDigest: assignment.policyDigest,
    ...(assignment.priceBookDigest === undefined
      ? {}
      : { priceBookDigest: assignment.priceBookDigest }),
    ...(assignment.dataSet === undefined ? {} : { dataSet: assignment.dataSet }),
    inputs: assignment.inputs.map(({ digest }) => digest),
    ...outcomeOf(end),
    isolation: report?.isolation ?? "none",
    startedAt: end.startedAt,
    finishedAt: end.finishedAt,
    usage: report?.usage ?? noUsage,
  };
}

/** A run whose device was lost may have ended on the processor. */
function devicesOf({ assignment: { devices }, report }: RunEnd): readonly string[] {
  const used = report?.result?.device;
  return used === undefined || devices.includes(used) ? devices : [used];
}

function outcomeOf({
  cancelled,
  report,
}: RunEnd): Pick<RunFacts, "outcome" | "failure" | "result"> {
  if (cancelled) {
    const failure = new QuipuError("CANCELLED", "the job was cancelled while this run held it");
    return { outcome: "cancelled", failure: failure.toJSON() };
  }
  if (report?.result !== undefined) return { outcome: "succeeded", result: report.result };
  const unexplained = new QuipuError("INTERNAL", "the work ended without a result or a failure");
  return { outcome: "failed", failure: report?.failure ?? unexplained.toJSON() };
}
