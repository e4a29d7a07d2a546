/** What lineage keeps of a statement: who ran what, where and when, what went in and what came out. */
import type { Digest } from "../../base/bytes.js";
import type { Statement } from "../../model/statement.js";
import { receiptKeyId } from "../receipt/envelope.js";
import { jobOf } from "../receipt/statement.js";
import { gradeOf } from "../verify/expect.js";
import type { OpenedLeaf } from "./open-leaves.js";

export interface RunInput {
  readonly digest: Digest;
  /** Of a data set, whose manifest has the digest; absent: an artifact. */
  readonly dataSet?: string;
}

export interface RunOutput {
  readonly name: string;
  readonly digest: Digest;
}

export interface RunLine {
  readonly index: number;
  readonly runId: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly host: string;
  readonly country: string;
  readonly site: string;
  /** What the word on its place was worth when the run ended. */
  readonly grade: string;
  readonly startedOn: string;
  readonly finishedOn: string;
  readonly outcome: "succeeded" | "failed" | "cancelled";
  readonly inputs: readonly RunInput[];
  /** Empty unless it succeeded. */
  readonly outputs: readonly RunOutput[];
  /** Of the key that signed. */
  readonly keyId: string;
}

/** Undefined for what a coordinator has signed itself: no run. */
export function runLine({ index, publicKey, stated }: OpenedLeaf): RunLine | undefined {
  if ("notice" in stated) return undefined;
  const { statement } = stated;
  const { run, host, runDetails } = statement.predicate;
  const { name } = jobOf(statement) as { readonly name?: unknown };
  const { country, site } = host.place;
  const { startedOn, finishedOn } = runDetails.metadata;
  return {
    index,
    runId: run.id,
    jobId: run.jobId,
    jobName: typeof name === "string" && name !== "" ? name : run.jobId,
    host: host.name,
    ...{ country, site },
    grade: gradeOf(statement),
    ...{ startedOn, finishedOn },
    outcome: run.outcome,
    inputs: inputsOf(statement),
    outputs: outputsOf(statement),
    keyId: receiptKeyId(publicKey),
  };
}

function inputsOf({ predicate }: Statement): RunInput[] {
  return predicate.buildDefinition.resolvedDependencies.map((input) => ({
    digest: `sha256:${input.digest.sha256}`,
    ...("name" in input ? { dataSet: input.name } : {}),
  }));
}

function outputsOf({ subject }: Statement): RunOutput[] {
  const outputs: RunOutput[] = [];
  for (const one of subject) {
    if (!("annotations" in one)) continue;
    outputs.push({ name: one.name, digest: `sha256:${one.digest.sha256}` });
  }
  return outputs;
}
