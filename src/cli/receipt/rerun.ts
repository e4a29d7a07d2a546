/** Runs the job of a receipt again on this machine and compares the bits of its outputs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { runTensorTask } from "../../compute/engine/task.js";
import { hashTree } from "../../compute/native/hashing.js";
import { type NamedDigest, outputDigest } from "../../model/artifact.js";
import { canonicalTask, type JobSpec, jobSpec, type TensorTask } from "../../model/job.js";
import { manifestDigest } from "../../model/manifest.js";
import type { Statement } from "../../model/statement.js";
import { jobOf } from "../../proof/receipt/statement.js";
import { digestOfFile } from "../artifact/file-digest.js";
import type { RunHere } from "./lawful-here.js";
import type { RerunInputs } from "./rerun-inputs.js";

export interface RerunOptions extends RerunInputs {
  /** Of a receipt that has been verified, by keys that the caller chose. */
  readonly statement: Statement;
  readonly backend: TensorTask["backend"];
  readonly signal: AbortSignal;
}

export interface Rerun {
  /** Backend that really ran. */
  readonly backend: string;
  readonly equal: boolean;
  /** Digests of all outputs: as the receipt has it, and as computed here. */
  readonly expected: Digest;
  readonly got: Digest;
}

export async function rerun(options: RerunOptions): Promise<Rerun> {
  const { statement } = options;
  const { job } = runIn(statement);
  const expected = outputDigest(
    statement.subject.map(({ name, digest }) => ({ name, digest: `sha256:${digest.sha256}` })),
  );
  const { backend, outputs } = await recompute(job, statement, options);
  const got = outputDigest(outputs);
  return { backend, equal: got === expected, expected, got };
}

/**
 * What ran and what it read. Throws INVALID_ARGUMENT for a run that no other can be compared with, or whose job
 * this program does not know: the verifier does not look into it, and it may be of a version that came later.
 */
export function runIn(statement: Statement): RunHere {
  if (statement.predicate.execution?.determinism !== "bitwise") {
    throw new QuipuError(
      "INVALID_ARGUMENT",
      "this run did not promise the same bits, so none can be compared",
    );
  }
  const read = jobSpec.safeParse(jobOf(statement));
  if (read.success) {
    const [data] = dependenciesOf(statement).filter((one) => "name" in one);
    return { job: read.data, manifestDigest: data && `sha256:${data.digest.sha256}` };
  }
  const fault = read.error.issues[0];
  throw new QuipuError(
    "INVALID_ARGUMENT",
    `this program cannot run the receipt's job: ${fault?.path.join(".")}: ${fault?.message}`,
    { next: "run it again with the version of Quipu that the receipt names" },
  );
}

async function recompute(
  job: JobSpec,
  statement: Statement,
  { dataFolder, modelPath, backend, signal }: RerunOptions,
): Promise<{ backend: string; outputs: readonly NamedDigest[] }> {
  const { manifest } = await hashTree(dataFolder, { signal });
  const digest = manifestDigest(manifest);
  const manifests = dependenciesOf(statement).filter((one) => "name" in one);
  const given = manifests.filter(({ name }) => name === job.dataSet);
  requireOneOf(given, digest, `the folder ${dataFolder}`);
  if (job.task.driver === "hash") {
    return { backend: "manifest", outputs: [{ name: "manifest.json", digest }] };
  }
  if (modelPath === undefined) {
    throw new QuipuError("USAGE", "the job ran a model", { next: "give its file with --model" });
  }
  const model = (await digestOfFile(modelPath)).digest;
  // The job's own model, and not only something that the signer says was used.
  const used = model === job.task.model ? dependenciesOf(statement) : [];
  requireOneOf(used, model, `the model ${modelPath}`);
  const outputFolder = await mkdtemp(join(tmpdir(), "quipu-rerun-"));
  try {
    // What ran is canonical, also where a fast job lost its device.
    const task = { ...canonicalTask(job.task), backend };
    const { result } = await runTensorTask({ task, modelPath, dataFolder, outputFolder, signal });
    return result;
  } finally {
    await rm(outputFolder, { recursive: true });
  }
}

function dependenciesOf({ predicate }: Statement) {
  return predicate.buildDefinition.resolvedDependencies;
}

/** Other inputs would give other bits and prove nothing. */
function requireOneOf(
  dependencies: readonly { readonly digest: { readonly sha256: string } }[],
  digest: Digest,
  what: string,
): void {
  if (dependencies.some((one) => `sha256:${one.digest.sha256}` === digest)) return;
  throw new QuipuError("DIGEST_MISMATCH", `${what} is not what the run was given (${digest})`, {
    next: "give the very data set and model that the receipt names",
  });
}
