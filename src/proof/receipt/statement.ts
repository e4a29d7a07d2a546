/** From the facts of a run to the statement that its receipt signs, and what must hold inside it. */
import { type Digest, digestOf, hexOf } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { parseStrictJson } from "../../base/strict-json.js";
import type { JobSpec } from "../../model/job.js";
import type { RunFacts } from "../../model/run.js";
import {
  computeRunType,
  jobBuildType,
  type Statement,
  statement as statementSchema,
  statementType,
} from "../../model/statement.js";

const failureTextMax = 2000;

export function buildStatement(facts: RunFacts): Statement {
  const { result, failure } = facts;
  return {
    _type: statementType,
    subject: subjectOf(facts),
    predicateType: computeRunType,
    predicate: {
      buildDefinition: {
        buildType: jobBuildType,
        externalParameters: { job: facts.job },
        resolvedDependencies: dependenciesOf(facts.inputs, facts.dataSet),
      },
      runDetails: {
        builder: {
          id: `https://quipu.dev/agent/${facts.host}`,
          version: { quipud: facts.agentVersion },
        },
        metadata: {
          invocationId: facts.runId,
          startedOn: facts.startedAt,
          finishedOn: facts.finishedAt,
        },
        byproducts: [
          {
            name: "decision",
            digest: { sha256: hexOf(facts.decisionDigest) },
            mediaType: "application/json",
          },
        ],
      },
      run: {
        id: facts.runId,
        epoch: facts.epoch,
        jobId: facts.jobId,
        jobDigest: facts.jobDigest,
        outcome: facts.outcome,
        ...(failure === undefined ? {} : { failure: failureOf(failure.code, failure.message) }),
      },
      host: {
        name: facts.host,
        place: facts.place,
        evidence: [],
        ...(facts.clock === undefined ? {} : { clock: facts.clock }),
      },
      policyDigest: facts.policyDigest,
      ...(facts.priceBookDigest === undefined ? {} : { priceBookDigest: facts.priceBookDigest }),
      isolation: facts.isolation,
      ...(result === undefined
        ? {}
        : {
            execution: {
              driver: facts.job.task.driver,
              engine: facts.agentVersion,
              devices: [...facts.devices],
              backend: result.backend,
              determinism: result.determinism,
              arithmetic: result.arithmetic,
            },
          }),
      usage: facts.usage,
    },
  };
}

function subjectOf({ result, jobDigest }: RunFacts): Statement["subject"] {
  const outputs = result?.outputs ?? [];
  if (outputs.length === 0) return [{ name: "job", digest: { sha256: hexOf(jobDigest) } }];
  return outputs.map(({ name, digest, blake3, mediaType, sizeBytes }) => ({
    name,
    digest: { sha256: hexOf(digest), blake3 },
    mediaType,
    annotations: { sizeBytes },
  }));
}

/** What a run took in, as its receipt names it. */
export function dependenciesOf(
  inputs: readonly Digest[],
  dataSet: RunFacts["dataSet"],
): Statement["predicate"]["buildDefinition"]["resolvedDependencies"] {
  const manifest =
    dataSet === undefined
      ? []
      : [
          {
            name: dataSet.name,
            digest: { sha256: hexOf(dataSet.manifestDigest) },
            annotations: { kind: "data-set-manifest", dataClass: dataSet.dataClass } as const,
          },
        ];
  const artifacts = inputs.map((input) => ({
    digest: { sha256: hexOf(input) },
    annotations: { kind: "artifact" } as const,
  }));
  return [...manifest, ...artifacts];
}

/** Details of an error may name paths of the host; only code and sentence go into the receipt. */
function failureOf(code: string, message: string): { code: string; message: string } {
  return { code, message: message.slice(0, failureTextMax).toWellFormed() };
}

/** Canonical bytes of a statement that keeps all its rules; else VERIFICATION_FAILED. */
export function statementBytes(statement: Statement): Uint8Array {
  const bytes = canonicalBytes(statement);
  if (bytes.length > limits.statementBytesMax) {
    throw refuse(`it is longer than ${limits.statementBytesMax} bytes`);
  }
  checkRules(JSON.parse(new TextDecoder().decode(bytes)));
  return bytes;
}

/** Reads a payload strictly: size, depth, duplicate keys, canonical form, types, inner rules. */
export function parseStatement(payload: Uint8Array): Statement {
  return checkRules(parseCanonical(payload));
}

/** A payload of any type as a value. */
export function parseCanonical(payload: Uint8Array): unknown {
  const value = parseStrictJson(payload, "statement", limits.statementBytesMax);
  if (Buffer.compare(canonicalBytes(value), payload) === 0) return value;
  throw refuse("it is not canonical JSON");
}

/** Types and inner rules. */
export function checkRules(value: unknown): Statement {
  const shape = statementSchema.safeParse(value);
  if (!shape.success) {
    const issue = shape.error.issues[0];
    const path = issue === undefined ? "" : issue.path.join(".");
    throw refuse(`${path === "" ? "it" : path}: ${issue?.message ?? "has the wrong shape"}`);
  }
  const broken = brokenRule(value as Statement);
  if (broken !== undefined) throw refuse(broken);
  return value as Statement;
}

/** The rules that types alone cannot say. */
function brokenRule({ subject, predicate }: Statement): string | undefined {
  const { run, execution, buildDefinition, runDetails } = predicate;
  if (digestOf(canonicalBytes(buildDefinition.externalParameters.job)) !== run.jobDigest) {
    return "jobDigest is not the digest of the job it carries";
  }
  if (runDetails.metadata.invocationId !== run.id) return "invocationId is not the run's id";
  if (runDetails.builder.id !== `https://quipu.dev/agent/${predicate.host.name}`) {
    return "builder.id is not the agent of the host";
  }
  const succeeded = run.outcome === "succeeded";
  if (succeeded === (execution === undefined))
    return "execution is given if and only if it succeeded";
  if (succeeded === (run.failure !== undefined))
    return "failure is given if and only if it did not succeed";
  if (new Set(subject.map(({ name }) => name)).size !== subject.length)
    return "two outputs share a name";
  const [first] = subject;
  if (first !== undefined && !("annotations" in first)) {
    if (`sha256:${first.digest.sha256}` !== run.jobDigest) return "its subject is not its job";
  } else if (!succeeded) {
    return "a run that did not succeed has no outputs";
  }
  return undefined;
}

function refuse(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `not a compute-run statement: ${why}`);
}

/** The job that a checked statement carries, for whoever runs it again. */
export function jobOf(statement: Statement): JobSpec {
  return statement.predicate.buildDefinition.externalParameters.job as unknown as JobSpec;
}
