import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { PolicyService, RefusedRunSchema } from "../../gen/quipu/v1/policy_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { RunRecord } from "../../io/store/records.js";
import type { LawReport } from "../../model/decision.js";
import { loadPolicy, type PolicyEngine } from "../../scheduler/policy/engine.js";
import { specOf } from "../admission.js";
import type { Core } from "../core.js";
import { decisionOf } from "../wire.js";

/** Runs that one message tells of. */
const pageRuns = 256;

type Refused = MessageInitShape<typeof RefusedRunSchema>;

export function replayRuns(core: Core): Handlers<typeof PolicyService>["replayRuns"] {
  return async function* ({ files, since }, { signal }) {
    const policy = loadPolicy(Object.fromEntries(files.map(({ name, text }) => [name, text])));
    const { runs } = core.ports.store;
    const atMs = since === undefined ? 0 : timestampMs(since);
    let after: RunRecord | undefined;
    do {
      const page: readonly RunRecord[] = await runs.grantedSince(atMs, pageRuns, after);
      const refused: Refused[] = [];
      for (const run of page) {
        const found = await refusalOf(core, policy, run);
        if (found !== undefined) refused.push(found);
      }
      yield { digest: policy.digest, runs: BigInt(page.length), refused };
      after = page.length < pageRuns ? undefined : page.at(-1);
    } while (after !== undefined && !signal.aborted);
  };
}

/** As it was granted: the place that its host had, the time, and what the books said. */
async function refusalOf(
  { ports: { store } }: Core,
  policy: PolicyEngine,
  run: RunRecord,
): Promise<Refused | undefined> {
  const job = await store.jobs.get(run.jobId);
  const decision = await store.decisions.get(run.decisionId);
  if (job === undefined || decision === undefined) return undefined;
  const spec = specOf(job);
  const { at, lawDigest } = decisionOf(decision.content);
  const report = await store.papers.get(lawDigest);
  const { counts } = JSON.parse(new TextDecoder().decode(report)) as LawReport;
  const dataSet =
    spec.dataSet === undefined ? undefined : (await store.dataSets.get(spec.dataSet))?.facts;
  const host = { name: run.host, place: run.place };
  const verdict = policy.runOn({ job: spec, dataSet, host, at, counts });
  if (verdict.allowed) return undefined;
  return {
    runId: run.id,
    jobId: job.id,
    jobName: job.name,
    host: run.host,
    country: run.place.country,
    grantedAt: timestampFromMs(run.assignedAtMs),
    rule: verdict.rule,
    text: verdict.text,
    law: verdict.law ?? "",
  };
}
