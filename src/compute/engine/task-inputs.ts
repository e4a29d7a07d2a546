/** What a tensor job's inputs are: parts of tables, or tensors of files, each file opened once. */
import { QuipuError } from "../../base/errors.js";
import type { InputSource, TableSource, TensorTask } from "../../model/job.js";
import { bindInput, bindLabels } from "./bind-input.js";
import { insideFolder } from "./data-file.js";
import { readTable, type Table } from "./table.js";
import { portBytes, type Tensor, type TensorPlace } from "./tensor.js";
import { TensorFile } from "./tensor-file.js";

export interface TaskInputs {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly labels: BigInt64Array | undefined;
  /** Read of the files, as they lie on disk. */
  readonly fileBytes: number;
}

export interface TaskInputsOptions {
  readonly task: TensorTask;
  readonly dataFolder: string;
  /** For the tables, and for the inputs. */
  readonly memoryBytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

type FileSource = Exclude<InputSource, TableSource>;

export async function readInputs(options: TaskInputsOptions): Promise<TaskInputs> {
  const { task, memoryBytesMax, signal } = options;
  const files = new Map<string, TensorFile>();
  try {
    const places = await placesOf(options, files);
    let bytes = [...places.values()].reduce((sum, place) => sum + portBytes(place), 0);
    // Before anything of them is read.
    if (bytes > memoryBytesMax) {
      throw tooMuch(`inputs need ${bytes} bytes of memory and ${memoryBytesMax} are allowed`);
    }
    const tables = await readTables(options);
    const tensors: [string, Tensor][] = [];
    for (const [name, source] of Object.entries(task.inputs)) {
      if ("columns" in source) {
        // A job may name one table very many times, and each time takes memory.
        const tensor = bindInput(tableOf(tables, source), source);
        bytes += tensor.data.byteLength;
        if (bytes > memoryBytesMax) throw tooMuch(moreThan("inputs", memoryBytesMax));
        tensors.push([name, tensor]);
      } else {
        const file = files.get(source.file) as TensorFile;
        tensors.push([name, await file.read(places.get(name) as TensorPlace, signal)]);
      }
    }
    const labels = task.vote && bindLabels(tableOf(tables, task.vote.labels), task.vote.labels);
    const read = [...tables.values()].map((table) => table.fileBytes);
    for (const file of files.values()) read.push(file.readBytes);
    const fileBytes = read.reduce((sum, size) => sum + size, 0);
    return { tensors: Object.fromEntries(tensors), labels, fileBytes };
  } finally {
    for (const file of files.values()) await file.close();
  }
}

/** Where the inputs that are tensors of files lie; the files are open from then on. */
async function placesOf(
  { task, dataFolder }: TaskInputsOptions,
  files: Map<string, TensorFile>,
): Promise<Map<string, TensorPlace>> {
  const places = new Map<string, TensorPlace>();
  for (const [name, source] of Object.entries(task.inputs)) {
    if ("columns" in source) continue;
    const file = files.get(source.file) ?? (await openFile(dataFolder, source));
    files.set(source.file, file);
    places.set(name, file.place("tensor" in source ? source.tensor : undefined));
  }
  return places;
}

async function openFile(dataFolder: string, { file }: FileSource): Promise<TensorFile> {
  return TensorFile.open(await insideFolder(dataFolder, file), file);
}

/** Each file once, however many inputs read from it. */
async function readTables(options: TaskInputsOptions): Promise<Map<string, Table>> {
  const { task, dataFolder, memoryBytesMax, signal } = options;
  const sources = Object.values(task.inputs).filter((source) => "columns" in source);
  if (task.vote) sources.push(task.vote.labels);
  const tables = new Map<string, Table>();
  let bytes = 0;
  for (const { file } of sources) {
    if (tables.has(file)) continue;
    const table = await readTable(dataFolder, file, signal);
    tables.set(file, table);
    bytes += table.values.byteLength;
    if (bytes > memoryBytesMax) throw tooMuch(moreThan("tables", memoryBytesMax));
  }
  return tables;
}

function tableOf(tables: ReadonlyMap<string, Table>, source: TableSource): Table {
  const table = tables.get(source.file);
  if (table === undefined) throw new QuipuError("INTERNAL", `${source.file} was not read`);
  return table;
}

function moreThan(what: string, memoryBytesMax: number): string {
  return `${what} need more than the ${memoryBytesMax} bytes of memory that are allowed`;
}

function tooMuch(why: string): QuipuError {
  return new QuipuError("LIMIT_EXCEEDED", `the job's ${why}`, {
    next: "take fewer rows or columns, smaller tensors, or a larger host",
  });
}
