/** Runs the job of a receipt again on this machine and compares the bits of its outputs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { runTensorTask } from "../../compute/engine/task.js";
import { hashFolder } from "../../compute/native/data-folder.js";
import { type NamedDigest, outputDigest } from "../../model/artifact.js";
import { type JobSpec, jobSpec, type TensorTask } from "../../model/job.js";
import { manifestDigest } from "../../model/manifest.js";
import type { Statement } from "../../model/statement.js";
import { jobOf } from "../../proof/receipt/statement.js";
import { digestOfFile } from "../artifact/file-digest.js";
import { verifyBundle } from "./check.js";

export interface RerunOptions {
  readonly bundle: string;
  readonly dataFolder: string;
  /** Needed for a tensor job. */
  readonly modelPath: string | undefined;
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
  const { statement, firstFailed } = await verifyBundle(options.bundle);
  if (statement === undefined || firstFailed !== undefined) {
    throw new QuipuError(
      "VERIFICATION_FAILED",
      `the receipt does not verify: ${firstFailed?.text}`,
    );
  }
  if (statement.predicate.execution?.determinism !== "bitwise") {
    throw new QuipuError(
      "INVALID_ARGUMENT",
      "this run did not promise the same bits, so none can be compared",
    );
  }
  const job = jobSpec.parse(jobOf(statement));
  const expected = outputDigest(
    statement.subject.map(({ name, digest }) => ({ name, digest: `sha256:${digest.sha256}` })),
  );
  const { backend, outputs } = await recompute(job, statement, options);
  const got = outputDigest(outputs);
  return { backend, equal: got === expected, expected, got };
}

async function recompute(
  job: JobSpec,
  statement: Statement,
  { dataFolder, modelPath, backend, signal }: RerunOptions,
): Promise<{ backend: string; outputs: readonly NamedDigest[] }> {
  const manifest = await hashFolder(dataFolder, { signal });
  const digest = manifestDigest(manifest);
  requireDependency(statement, digest, `the folder ${dataFolder}`);
  if (job.task.driver === "hash") {
    return { backend: "manifest", outputs: [{ name: "manifest.json", digest }] };
  }
  if (modelPath === undefined) {
    throw new QuipuError("USAGE", "the job ran a model", { next: "give its file with --model" });
  }
  requireDependency(statement, (await digestOfFile(modelPath)).digest, `the model ${modelPath}`);
  const outputFolder = await mkdtemp(join(tmpdir(), "quipu-rerun-"));
  try {
    const task = { ...job.task, backend };
    const { result } = await runTensorTask({ task, modelPath, dataFolder, outputFolder, signal });
    return result;
  } finally {
    await rm(outputFolder, { recursive: true });
  }
}

/** Other inputs would give other bits and prove nothing. */
function requireDependency({ predicate }: Statement, digest: Digest, what: string): void {
  const known = predicate.buildDefinition.resolvedDependencies;
  if (known.some((dependency) => `sha256:${dependency.digest.sha256}` === digest)) return;
  throw new QuipuError("DIGEST_MISMATCH", `${what} is not what the run was given (${digest})`, {
    next: "give the very data set and model that the receipt names",
  });
}
