/** A statement against the grant that it answers: a true receipt for another run proves nothing. */
import type { Digest } from "../../base/bytes.js";
import { canonicalJson } from "../../base/canonical-json.js";
import { type ErrorJson, isErrorCode, QuipuError } from "../../base/errors.js";
import { RunState } from "../../gen/quipu/v1/attach_pb.js";
import type { JobRecord, JobResult, RunRecord } from "../../io/store/records.js";
import { type Artifact, outputDigest } from "../../model/artifact.js";
import { type JobSpec, jobArtifacts, mayDiffer } from "../../model/job.js";
import type { Statement } from "../../model/statement.js";
import { dependenciesOf } from "../../proof/receipt/statement.js";
import { specOf } from "./specs.js";

const outcomes: Readonly<Record<string, RunState>> = {
  succeeded: RunState.SUCCEEDED,
  failed: RunState.FAILED,
  cancelled: RunState.CANCELLED,
};

/** Throws VERIFICATION_FAILED that names the first fact which is not what was granted. */
export function checkFacts(
  statement: Statement,
  run: RunRecord,
  job: JobRecord,
  reported: RunState,
): void {
  const { predicate } = statement;
  const said = predicate.run;
  const { buildDefinition, runDetails } = predicate;
  const spec = specOf(job);
  const taken = dependenciesOf(jobArtifacts(spec), run.dataSet);
  const expected: Readonly<Record<string, readonly [unknown, unknown]>> = {
    run: [said.id, run.id],
    epoch: [said.epoch, run.epoch],
    job: [said.jobId, run.jobId],
    "job digest": [said.jobDigest, job.specDigest],
    host: [predicate.host.name, run.host],
    place: [predicate.host.place, run.place],
    "policy digest": [predicate.policyDigest, run.policyDigest],
    "decision digest": [
      `sha256:${runDetails.byproducts[0]?.digest.sha256 ?? ""}`,
      run.decisionDigest,
    ],
    "inputs and data set": [buildDefinition.resolvedDependencies, taken],
    outcome: [outcomes[said.outcome], reported],
    ...resultFacts(statement, spec),
  };
  for (const [fact, [is, should]] of Object.entries(expected)) {
    if (canonicalJson(is) === canonicalJson(should)) continue;
    throw new QuipuError(
      "VERIFICATION_FAILED",
      `the receipt's ${fact} is not what was granted to run ${run.id}`,
      { details: { fact, stated: is, granted: should } },
    );
  }
}

/** Of a success: whoever could say otherwise would choose what is compared with others, and what is not. */
function resultFacts(
  { subject, predicate: { execution } }: Statement,
  { task }: JobSpec,
): Readonly<Record<string, readonly [unknown, unknown]>> {
  if (execution === undefined) return {};
  const hasOutputs = subject.some((one) => "annotations" in one);
  const { determinism } = execution;
  return {
    determinism: [determinism, mayDiffer(task) ? determinism : "bitwise"],
    outputs: [hasOutputs || task.driver !== "tensor", true],
  };
}

/** What a checked statement says became of the run. */
export function resultOf({ subject, predicate }: Statement): {
  readonly outcome: "succeeded" | "failed" | "cancelled";
  readonly failure?: ErrorJson;
  readonly result: JobResult;
} {
  const { run, execution } = predicate;
  const outputs: Artifact[] = subject.flatMap((one) =>
    "annotations" in one
      ? [
          {
            name: one.name,
            digest: `sha256:${one.digest.sha256}` as Digest,
            blake3: one.digest.blake3,
            sizeBytes: one.annotations.sizeBytes,
            mediaType: one.mediaType,
          },
        ]
      : [],
  );
  const done =
    execution === undefined
      ? {}
      : {
          outputDigest: outputDigest(outputs),
          determinism: execution.determinism,
          backend: execution.backend,
        };
  return {
    outcome: run.outcome,
    ...(run.failure === undefined ? {} : { failure: failureOf(run.failure) }),
    result: { outputs, ...done },
  };
}

function failureOf({ code, message }: { code: string; message: string }): ErrorJson {
  const known = isErrorCode(code) ? code : "INTERNAL";
  return new QuipuError(known, message).toJSON();
}
