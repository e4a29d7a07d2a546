/** A decision that changes something, and the run that it grants, if any. */
import { digestOf } from "../../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { newId } from "../../base/ids.js";
import type { DataUseRecord, JobRecord, RunRecord } from "../../io/store/records.js";
import type { Decision } from "../../model/decision.js";
import type { RunLoad } from "../../model/host.js";
import type { Waiting } from "../../scheduler/queue/line.js";
import type { Core } from "../core.js";
import type { BookedJudgement } from "../host/fleet.js";
import { useOf } from "./data-uses.js";

export interface Verdict extends BookedJudgement {
  readonly job: JobRecord;
  readonly content: Uint8Array;
  readonly run?: RunRecord;
  /** That which goes on waiting, and knows why when this is kept. */
  readonly waiting?: Waiting;
  /** What the run takes of its data, where that is counted. */
  readonly use?: DataUseRecord | undefined;
}

/** What is to be written of a judgement: with a run of the job where it has a place. */
export function verdictOf(core: Core, job: JobRecord, judgement: BookedJudgement): Verdict {
  const { decision, dataSet } = judgement;
  const content = canonicalBytes(decision);
  const { outcome } = decision;
  if (outcome.kind !== "placed") return { ...judgement, job, content };
  const run = newRun(core, { job, dataSet, decision, content }, outcome);
  return { ...judgement, job, content, run, use: useOf(run, dataSet, job.owner) };
}

function newRun(
  core: Core,
  { job, dataSet, decision, content }: Pick<Verdict, "job" | "dataSet" | "decision" | "content">,
  { host, device, slots, memoryBytes, more }: { readonly host: string } & RunLoad,
): RunRecord {
  const { random, clock } = core.ports;
  const known = core.hosts.get(host);
  if (known === undefined) throw new QuipuError("INTERNAL", `placement chose unknown host ${host}`);
  return {
    id: newId("run", random),
    jobId: job.id,
    epoch: job.epoch + 1,
    host,
    device,
    slots,
    memoryBytes,
    ...(more === undefined ? {} : { more }),
    stage: "assigned",
    instanceId: "",
    receiptKey: known.receiptKey,
    place: known.place,
    decisionId: decision.id,
    decisionDigest: digestOf(content),
    policyDigest: decision.policyDigest,
    ...(dataSet === undefined
      ? {}
      : {
          dataSet: {
            name: dataSet.name,
            manifestDigest: dataSet.manifestDigest,
            dataClass: dataSet.dataClass,
          },
        }),
    assignedAtMs: clock.wallMs(),
  };
}

/** Whether the job's newest decision says the same: nothing is written for what is no news. */
export async function isKnown(core: Core, job: JobRecord, decision: Decision): Promise<boolean> {
  if (job.decisionId === "") return false;
  const kept = await core.ports.store.decisions.get(job.decisionId);
  if (kept === undefined) return false;
  const before = JSON.parse(new TextDecoder().decode(kept.content)) as Decision;
  return canonicalJson(substance(before)) === canonicalJson(substance(decision));
}

function substance({ outcome, reasons, policyDigest }: Decision): object {
  return { outcome, reasons, policyDigest };
}
