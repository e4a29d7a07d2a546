/** Runs the job of a receipt again on this machine and compares the bits of its outputs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { runTensorTask } from "../../compute/engine/task.js";
import { type NamedDigest, outputDigest } from "../../model/artifact.js";
import { canonicalTask, type JobSpec, type TensorTask } from "../../model/job.js";
import type { Statement } from "../../model/statement.js";
import type { RerunInputs } from "./rerun-inputs.js";
import { requireDataSet, requireModel, runIn } from "./stated-run.js";

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
  if (statement.predicate.execution?.determinism !== "bitwise") {
    throw new QuipuError(
      "INVALID_ARGUMENT",
      "this run did not promise the same bits, so none can be compared",
    );
  }
  const { job } = runIn(statement);
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
  const digest = await requireDataSet(job, statement, dataFolder, signal);
  if (job.task.driver === "hash") {
    return { backend: "manifest", outputs: [{ name: "manifest.json", digest }] };
  }
  const path = await requireModel(job.task, statement, modelPath);
  const outputFolder = await mkdtemp(join(tmpdir(), "quipu-rerun-"));
  try {
    // What ran is canonical, also where a fast job lost its device.
    const task = { ...canonicalTask(job.task), backend };
    const files = { modelPath: path, dataFolder, outputFolder };
    const { result } = await runTensorTask({ task, ...files, signal });
    return result;
  } finally {
    await rm(outputFolder, { recursive: true });
  }
}
