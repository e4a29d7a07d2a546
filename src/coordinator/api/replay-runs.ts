import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { PolicyService, RefusedRunSchema } from "../../gen/quipu/v1/policy_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { RunRecord } from "../../io/store/records.js";
import type { LawReport } from "../../model/decision.js";
import { loadPolicy, type PolicyEngine } from "../../scheduler/policy/engine.js";
import type { Core } from "../core.js";
import { specOf } from "../job/specs.js";
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
      let unread = 0;
      for (const run of page) {
        const found = await verdictOn(core, policy, run);
        if (found === "unread") unread += 1;
        else if (found !== "allowed") refused.push(found);
      }
      yield { digest: policy.digest, runs: BigInt(page.length), refused, unread: BigInt(unread) };
      after = page.length < pageRuns ? undefined : page.at(-1);
    } while (after !== undefined && !signal.aborted);
  };
}

/**
 * As it was granted: the place that its host had, the time, and what the books said. `unread` where
 * the record does not tell, such as one of an earlier version.
 */
async function verdictOn(
  { ports: { store } }: Core,
  policy: PolicyEngine,
  run: RunRecord,
): Promise<Refused | "allowed" | "unread"> {
  const job = await store.jobs.get(run.jobId);
  const kept = await store.decisions.get(run.decisionId);
  const decision = kept === undefined ? undefined : decisionOf(kept.content);
  const report = decision === undefined ? undefined : await store.papers.get(decision.lawDigest);
  if (job === undefined || decision === undefined || report === undefined) return "unread";
  const spec = specOf(job);
  const { counts } = JSON.parse(new TextDecoder().decode(report)) as LawReport;
  const name = spec.dataSet;
  const dataSet = name === undefined ? undefined : (await store.dataSets.get(name))?.facts;
  const host = { name: run.host, place: run.place };
  const verdict = policy.runOn({ job: spec, dataSet, host, at: decision.at, counts });
  if (verdict.allowed) return "allowed";
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
