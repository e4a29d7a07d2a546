/**
 * A tensor job from files to files: model, tables, run, vote, outputs. Workers run it, and so does
 * `quipu verify --rerun`: the same code gives the same bytes.
 */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import type { Artifact } from "../../model/artifact.js";
import type { TableSource, TensorTask } from "../../model/job.js";
import type { RunResult } from "../../model/run.js";
import { OwnedBytes } from "../native/hashing.js";
import type { Backend } from "../native/program.js";
import { graphLimits } from "../tensor/onnx/graph.js";
import { modelTooLarge } from "../tensor/onnx/import.js";
import { bindInput, bindLabels } from "./bind-input.js";
import { digestsOf } from "./digests.js";
import { type NpyFile, npyFile } from "./npy.js";
import { memoryBytesDefault, Session } from "./session.js";
import { readTable, type Table } from "./table.js";
import { type OwnedTensor, type Tensor, tensorBytes, tensorOver } from "./tensor.js";
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
  /** Of the model and of each table, as they lie on disk. */
  readonly inputBytes: number;
}

const predictionsName = "predictions";
const fileName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,123}$/;

export async function runTensorTask(options: TensorTaskOptions): Promise<TensorTaskDone> {
  const { task, signal } = options;
  const progress = options.onProgress ?? (() => {});
  progress(0, "reading the model and the tables");
  const model = await readModel(options.modelPath, signal);
  const memoryBytesMax = options.memoryBytesMax ?? memoryBytesDefault();
  const tables = await readTables(options, memoryBytesMax);
  const inputs = bindInputs(task, tables, memoryBytesMax);
  const labels = task.vote && bindLabels(tableOf(tables, task.vote.labels), task.vote.labels);
  progress(0.4, "compiling");
  const shapes = Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [name, tensor.shape]),
  );
  const session = Session.compile(model, shapes, { memoryBytesMax });
  checkVote(session, task, labels);
  const files = outputFiles(session, task);
  progress(0.5, "computing");
  const rooms = new Map(
    [...files].map(([name, { bytes, offset }]) => [
      name,
      { owned: OwnedBytes.take(bytes), offset },
    ]),
  );
  const asked = task.backend === "auto" ? (options.backend ?? "auto") : task.backend;
  const { backend } = await session.run(handedOver(inputs), {
    backend: asked,
    into: rooms,
    digests: false, // taken below over whole files, which hold these very bytes
  });
  for (const [name, { owned, offset }] of rooms)
    files.set(name, { bytes: owned.release(), offset });
  signal?.throwIfAborted();
  if (task.vote && labels) {
    const indices = indicesOf(session, task.vote.indices, files);
    if (indices !== undefined) files.set(predictionsName, predictionsFile(vote(indices, labels)));
  }
  progress(0.9, "writing outputs");
  const artifacts: Artifact[] = [];
  for (const [name, file] of files) {
    artifacts.push(await writeOutput(options.outputFolder, `${name}.npy`, file));
  }
  progress(1, "done");
  const bytes = [...tables.values()].reduce((sum, table) => sum + table.fileBytes, model.length);
  const device = backend === "cuda" ? "cuda:0" : "cpu";
  return {
    result: {
      outputs: artifacts,
      device,
      backend,
      determinism: "bitwise",
      arithmetic: session.arithmetic,
    },
    inputBytes: bytes,
  };
}

async function readModel(path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > graphLimits.modelBytesMax) throw modelTooLarge(size);
    return await readFile(path, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted(); // its reason says more than "aborted"
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EISDIR") throw error;
    throw new QuipuError("NOT_FOUND", `there is no model file ${path}`, { cause: error });
  }
}

/** Each file once, however many inputs read from it. */
async function readTables(
  options: TensorTaskOptions,
  memoryBytesMax: number,
): Promise<Map<string, Table>> {
  const { task, dataFolder, signal } = options;
  const sources = Object.values(task.inputs);
  if (task.vote) sources.push(task.vote.labels);
  const tables = new Map<string, Table>();
  let bytes = 0;
  for (const { file } of sources) {
    if (tables.has(file)) continue;
    const table = await readTable(dataFolder, file, signal);
    tables.set(file, table);
    bytes += table.values.byteLength;
    if (bytes > memoryBytesMax) throw tooMuch("tables", memoryBytesMax);
  }
  return tables;
}

/** A job may name one table very many times, and each time takes memory before the model is asked. */
function bindInputs(
  task: TensorTask,
  tables: ReadonlyMap<string, Table>,
  memoryBytesMax: number,
): Readonly<Record<string, Tensor>> {
  let bytes = 0;
  return Object.fromEntries(
    Object.entries(task.inputs).map(([name, source]) => {
      const tensor = bindInput(tableOf(tables, source), source);
      bytes += tensor.data.byteLength;
      if (bytes > memoryBytesMax) throw tooMuch("inputs", memoryBytesMax);
      return [name, tensor];
    }),
  );
}

/** Nobody needs the inputs after the run. */
function handedOver(inputs: Readonly<Record<string, Tensor>>): Record<string, OwnedTensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => {
      const { dtype, shape } = tensor;
      return [name, { dtype, shape, owned: OwnedBytes.take(tensorBytes(tensor)) }];
    }),
  );
}

/** The output that a vote is taken over, as it stands in its file. */
function indicesOf(
  session: Session,
  name: string,
  files: ReadonlyMap<string, NpyFile>,
): Tensor | undefined {
  const port = session.outputs.find((output) => output.name === name);
  const file = files.get(name);
  return port && file && tensorOver(port, file.bytes.subarray(file.offset));
}

function tooMuch(what: string, memoryBytesMax: number): QuipuError {
  return new QuipuError(
    "LIMIT_EXCEEDED",
    `the job's ${what} need more than the ${memoryBytesMax} bytes of memory that are allowed`,
    { next: "take fewer rows or columns, or a larger host" },
  );
}

function tableOf(tables: ReadonlyMap<string, Table>, source: TableSource): Table {
  const table = tables.get(source.file);
  if (table === undefined) throw new QuipuError("INTERNAL", `${source.file} was not read`);
  return table;
}

function outputFiles(session: Session, task: TensorTask): Map<string, NpyFile> {
  const files = new Map<string, NpyFile>();
  for (const port of session.outputs) {
    if (!fileName.test(port.name) || (task.vote && port.name === predictionsName)) {
      throw new QuipuError(
        "MODEL_UNSUPPORTED",
        `the model's output ${JSON.stringify(port.name)} cannot be the name of an output file`,
        { next: "name outputs with letters, digits, dots, dashes and underscores" },
      );
    }
    files.set(port.name, npyFile(port));
  }
  return files;
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

function predictionsFile(winners: BigInt64Array<ArrayBuffer>): NpyFile {
  const file = npyFile({ dtype: "int64", shape: [winners.length] });
  file.bytes.set(new Uint8Array(winners.buffer), file.offset);
  return file;
}

async function writeOutput(folder: string, name: string, { bytes }: NpyFile): Promise<Artifact> {
  await writeFile(join(folder, name), bytes, { mode: 0o600, flag: "wx" });
  const { sha256, blake3 } = await digestsOf(bytes);
  return {
    name,
    digest: sha256,
    blake3,
    sizeBytes: bytes.length,
    mediaType: "application/x-npy",
  };
}
