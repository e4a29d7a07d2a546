import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ExplainHostResponseSchema, JobService } from "../../gen/quipu/v1/jobs_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { JobRecord } from "../../io/store/records.js";
import { asIfMade } from "../../model/job-graph.js";
import type { Ask } from "../../scheduler/placement/ask.js";
import { recallAsk } from "../../scheduler/placement/replay.js";
import { auditBounds } from "../audit/again.js";
import { type Core, notFound } from "../core.js";
import { boundsOf } from "../dispatch/bounds.js";
import { askedOf, specOf } from "../job/specs.js";
import { decisionOf, offerMessage, reasonMessages } from "../wire.js";
import { findJob } from "./get-job.js";

/** From the papers of its decision where the job has been placed; a job that waits is asked anew. */
export function explainHost(core: Core): Handlers<typeof JobService>["explainHost"] {
  return async ({ jobId, host }) => {
    const job = await findJob(core, jobId);
    const whenPlaced = job.host !== "";
    const ask = whenPlaced ? await askThen(core, job) : await askNow(core, job);
    const finding = findingMessage(ask, host);
    if (finding === undefined) throw notFound("host", host, "see `quipu host ls`");
    return { finding, whenPlaced };
  };
}

/** With what limits the job now: its quota, hosts that failed it, where its inputs may go. */
async function askNow(core: Core, job: JobRecord): Promise<Ask> {
  const spec = asIfMade(askedOf(job));
  const bounds = await boundsOf(core, job, core.queue.shares());
  if (job.auditId === undefined) return await core.fleet.ask(spec, bounds);
  const { audited } = await auditBounds(core, job);
  return await core.fleet.ask(spec, { ...bounds, audited });
}

async function askThen({ ports: { store } }: Core, job: JobRecord): Promise<Ask> {
  const kept = await store.decisions.get(job.decisionId);
  const decision = kept === undefined ? undefined : decisionOf(kept.content);
  if (decision === undefined) {
    throw notFound("decision of this version", job.decisionId, "see `quipu job show`");
  }
  const spec = specOf(job);
  const name = spec.dataSet;
  const dataSet = name === undefined ? undefined : (await store.dataSets.get(name))?.facts;
  const asked = { job: spec, dataSet };
  return await recallAsk(decision, asked, (digest) => store.papers.get(digest));
}

function findingMessage(
  ask: Ask,
  host: string,
): MessageInitShape<typeof ExplainHostResponseSchema>["finding"] {
  const finding = ask.of(host);
  if (finding === undefined) return undefined;
  if (!("fault" in finding)) {
    return { case: "offer", value: offerMessage(ask.offer([host], finding)) };
  }
  const [value = {}] = reasonMessages([{ ...finding.fault, hosts: 1, named: [host] }]);
  return { case: "reason", value };
}
