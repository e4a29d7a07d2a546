/**
 * A tensor job from files to files: model, inputs, run, vote, outputs. Workers run it, and so does
 * `quipu verify --rerun`: the same code gives the same bytes.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import type { Artifact } from "../../model/artifact.js";
import type { TensorTask } from "../../model/job.js";
import type { RunResult } from "../../model/run.js";
import type { Backend } from "../native/program.js";
import { type Digests, digestsOf } from "./digests.js";
import { handedOver } from "./handed-over.js";
import { readModel } from "./model-file.js";
import { npyFile } from "./npy.js";
import { OutputFile, outputFileName } from "./output-file.js";
import { memoryBytesDefault, Session } from "./session.js";
import { readInputs } from "./task-inputs.js";
import { vote } from "./vote.js";

export interface TensorTaskOptions {
  readonly task: TensorTask;
  readonly modelPath: string;
  readonly dataFolder: string;
  /** An empty folder. A crash leaves files in it that no result names. */
  readonly outputFolder: string;
  /** Backend for tasks that leave it open; the best CPU backend without it. */
  readonly backend?: Backend;
  /** For the tables, for the inputs, and for the run; half of the machine's without it. */
  readonly memoryBytesMax?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (share: number, activity: string) => void;
}

export interface TensorTaskDone {
  readonly result: RunResult;
  /** Of the model and of each table, as they lie on disk; of other files what was read of them. */
  readonly inputBytes: number;
}

const predictionsFileName = "predictions.npy";
const mediaTypes = { tensors: "application/x-safetensors", array: "application/x-npy" };

export async function runTensorTask(options: TensorTaskOptions): Promise<TensorTaskDone> {
  const { task, signal } = options;
  const progress = options.onProgress ?? (() => {});
  progress(0, "reading the model and its inputs");
  const model = await readModel(options.modelPath, signal);
  const memoryBytesMax = options.memoryBytesMax ?? memoryBytesDefault();
  const { dataFolder } = options;
  const read = await readInputs({ task, dataFolder, memoryBytesMax, signal });
  progress(0.4, "compiling");
  const session = Session.compileFor(model, read.tensors, {
    memoryBytesMax,
    readExternal: refuseExternal,
  });
  checkVote(session, task, read.labels);
  const file = new OutputFile(session.outputs);
  progress(0.5, "computing");
  const asked = task.backend === "auto" ? (options.backend ?? "auto") : task.backend;
  const { backend, determinism } = await session.run(handedOver(read.tensors, session.inputs), {
    backend: asked,
    fast: task.fast,
    into: file.rooms,
    digests: false, // taken below over the whole file, which holds these very bytes
    signal,
    // A model that only hands on its inputs has no operators.
    onProgress: (done, total) => progress(0.5 + (0.4 * done) / Math.max(1, total), "computing"),
  });
  signal?.throwIfAborted();
  progress(0.9, "writing outputs");
  const digests = await digestsOf(file.owned);
  const { bytes, tensors } = file.release();
  const indices = task.vote && tensors.get(task.vote.indices);
  const winners = indices && read.labels && vote(indices, read.labels);
  const { outputFolder: folder } = options;
  const name = outputFileName;
  const artifacts = [
    await writeOutput({ folder, name, mediaType: mediaTypes.tensors, bytes, digests }),
  ];
  if (winners !== undefined) artifacts.push(await writePredictions(folder, winners));
  progress(1, "done");
  const device = backend === "cuda" ? "cuda:0" : "cpu";
  return {
    result: {
      outputs: artifacts,
      device,
      backend,
      determinism,
      arithmetic: determinism === "bitwise" ? session.arithmetic : "",
    },
    inputBytes: model.length + read.fileBytes,
  };
}

/** What lies beside the model was not granted, and no receipt would name it. */
function refuseExternal(location: string): never {
  throw new QuipuError(
    "MODEL_UNSUPPORTED",
    `the model has weights in ${location}; the model of a job is one file`,
    { next: "save the model with its weights inside" },
  );
}

/** Labels of other rows than those that the model searches would give wrong answers, not errors. */
function checkVote(session: Session, task: TensorTask, labels: BigInt64Array | undefined): void {
  if (!task.vote || !labels) return;
  const { indices } = task.vote;
  const port = session.outputs.find(({ name }) => name === indices);
  if (port === undefined) {
    const names = session.outputs.map(({ name }) => name).join(", ");
    throw new QuipuError(
      "SHAPE_MISMATCH",
      `the vote names the output ${indices}; the model has ${names}`,
      { next: "name one of those in the job" },
    );
  }
  if (port.choices !== undefined && port.choices !== labels.length) {
    throw new QuipuError(
      "SHAPE_MISMATCH",
      `the vote gives ${labels.length} labels and ${indices} chooses among ${port.choices} rows`,
      { next: "take the labels from the rows that the model searches" },
    );
  }
}

interface Output {
  readonly folder: string;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly digests: Digests;
}

/** Fails where a file has that name already. */
export async function writeOutput(output: Output): Promise<Artifact> {
  const { folder, name, mediaType, bytes, digests } = output;
  await writeFile(join(folder, name), bytes, { mode: 0o600, flag: "wx" });
  const { sha256: digest, blake3 } = digests;
  return { name, digest, blake3, sizeBytes: bytes.length, mediaType };
}

async function writePredictions(
  folder: string,
  winners: BigInt64Array<ArrayBuffer>,
): Promise<Artifact> {
  const { bytes, offset } = npyFile({ dtype: "int64", shape: [winners.length] });
  bytes.set(new Uint8Array(winners.buffer), offset);
  const digests = await digestsOf(bytes);
  const named = { folder, name: predictionsFileName, mediaType: mediaTypes.array };
  return writeOutput({ ...named, bytes, digests });
}
