/** The inputs of a model on the command line: from files, or numbers by a seed. */
import { access } from "node:fs/promises";
import { QuipuError } from "../../base/errors.js";
import { bindInput } from "../../compute/engine/bind-input.js";
import {
  type DType,
  memoryBytesDefault,
  type Tensor,
  tensor,
} from "../../compute/engine/session.js";
import { readTableAt } from "../../compute/engine/table.js";
import { TensorFile } from "../../compute/engine/tensor-file.js";
import type { ModelFacts, ValueFacts } from "../../compute/tensor/describe.js";
import { elementBytes, elementCount, sizeOf } from "../../compute/tensor/dtype.js";
import type { FileChoice, InputChoices } from "./choices.js";
import { randomTensor } from "./random.js";

export interface GivenInput {
  readonly facts: ValueFacts;
  /** Undefined where nobody said it. */
  readonly shape: readonly number[] | undefined;
  /** Undefined where only its shape is known. */
  readonly tensor: Tensor | undefined;
  readonly from: string;
}

/** Every input of the model, as far as it is given. */
export async function readInputs(
  { inputs }: ModelFacts,
  choices: InputChoices,
  signal: AbortSignal,
): Promise<readonly GivenInput[]> {
  const read = new Map<string, Tensor>();
  for (const input of inputs) {
    const file = choices.files.get(input.name);
    if (file === undefined) continue;
    read.set(input.name, await readInput(input, file, choices.shapes.get(input.name), signal));
  }
  const sizes = knownSizes(inputs, choices, read);
  return inputs.map((facts, index): GivenInput => {
    const { name, dtype, axes } = facts;
    const tensor = read.get(name);
    const from = choices.files.get(name)?.path ?? "";
    if (tensor !== undefined) return { facts, shape: tensor.shape, tensor, from };
    const open = axes?.map((axis) => (typeof axis === "string" ? sizes.get(axis) : axis));
    const closed = open?.every((size) => size !== undefined) ? open : undefined;
    const shape = choices.shapes.get(name) ?? closed;
    const { seed } = choices;
    if (seed === undefined || dtype === undefined || shape === undefined) {
      return { facts, shape, tensor: undefined, from: "" };
    }
    checkSize(name, dtype, shape);
    // Another seed for each, so that no two are alike.
    const drawn = randomTensor(dtype, shape, (seed + index) % 2 ** 32);
    return { facts, shape, tensor: drawn, from: `seed ${seed}` };
  });
}

/** USAGE where one is missing. */
export function tensorsOf(inputs: readonly GivenInput[]): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(
    inputs.map(({ facts, shape, tensor }) => {
      const { name } = facts;
      if (tensor !== undefined) return [name, tensor];
      const what = `the input ${name} (${valueText(facts)})`;
      if (shape === undefined) {
        throw new QuipuError("USAGE", `${what} is not given, nor is its shape`, {
          next: `give a file with --input ${name}=FILE, or sizes with --shape ${name}=… and --random`,
        });
      }
      throw new QuipuError("USAGE", `${what} is not given`, {
        next: `give a file with --input ${name}=FILE, or numbers by a seed with --random SEED`,
      });
    }),
  );
}

/** Type and axes, as `float32 [batch, 3]`. */
export function valueText({ type, axes }: Pick<ValueFacts, "type" | "axes">): string {
  const shape =
    axes === undefined ? "of any shape" : `[${axes.map((axis) => axis ?? "?").join(", ")}]`;
  return `${type || "unknown"} ${shape}`;
}

async function readInput(
  input: ValueFacts,
  file: FileChoice,
  shape: readonly number[] | undefined,
  signal: AbortSignal,
): Promise<Tensor> {
  await access(file.path).catch((cause) => {
    const parts = { next: "check the file's name", cause };
    throw new QuipuError("NOT_FOUND", `there is no file ${file.path}`, parts);
  });
  const read =
    file.form === "table"
      ? await readTable(input, file, signal)
      : await readTensor(input, file, signal);
  if (shape === undefined || shape.join() === read.shape.join()) return read;
  if (file.form === "table" && sizeOf(shape) === sizeOf(read.shape)) return { ...read, shape };
  const has = `[${read.shape.join(", ")}]`;
  throw new QuipuError(
    "SHAPE_MISMATCH",
    `${file.path} has the shape ${has}, not [${shape.join(", ")}]`,
    { next: "correct --shape, or give another file" },
  );
}

async function readTensor(
  { name }: ValueFacts,
  { path, tensor: named }: FileChoice,
  signal: AbortSignal,
): Promise<Tensor> {
  const file = await TensorFile.open(path, path);
  try {
    // Without a name: the tensor named as the input is, or the only one.
    const place = file.place(named ?? (file.holds(name) ? name : undefined));
    checkSize(name, place.dtype, place.shape);
    return await file.read(place, signal);
  } finally {
    await file.close();
  }
}

/** Before memory is taken for it. */
function checkSize(name: string, dtype: DType, shape: readonly number[]): void {
  const count = elementCount(shape, dtype);
  const most = memoryBytesDefault();
  if (count !== undefined && count * elementBytes(dtype) <= most) return;
  const what = `the input ${name}, ${dtype} [${shape.join(", ")}]`;
  throw new QuipuError("LIMIT_EXCEEDED", `${what}, needs more than ${most} bytes of memory`, {
    next: "use a smaller batch or a larger host",
  });
}

/** All of it, as numbers of the type that the model takes. */
async function readTable(
  { dtype = "float32" }: ValueFacts,
  { path }: FileChoice,
  signal: AbortSignal,
): Promise<Tensor> {
  const table = await readTableAt(path, path, signal);
  const columns: [number, number] = [0, table.columns];
  if (dtype === "float32") return bindInput(table, { file: path, columns, transpose: false });
  return exactly(dtype, [table.rows, table.columns], table.values, path);
}

const ranges = { int64: 2 ** 53, int32: 2 ** 31, int8: 128, uint8: 256, bool: 2 } as const;

function exactly(
  dtype: DType,
  shape: readonly number[],
  values: Float64Array,
  file: string,
): Tensor {
  if (dtype === "float16" || dtype === "bfloat16" || dtype === "float32") {
    throw new QuipuError("SHAPE_MISMATCH", `a table gives no ${dtype}`, {
      next: "give the input as a .npy or .safetensors file",
    });
  }
  const most = ranges[dtype];
  const least = dtype === "uint8" || dtype === "bool" ? 0 : -most;
  const at = values.findIndex(
    (value) => !(Number.isInteger(value) && value >= least && value < most),
  );
  if (at >= 0) {
    const text = `${file} has ${values[at]} where the model takes ${dtype}`;
    throw new QuipuError("DATA_INVALID", text, { next: "correct the file", details: { file } });
  }
  if (dtype === "int64") return tensor(dtype, shape, BigInt64Array.from(values, BigInt));
  if (dtype === "int32") return tensor(dtype, shape, Int32Array.from(values));
  if (dtype === "int8") return tensor(dtype, shape, Int8Array.from(values));
  return tensor(dtype, shape, Uint8Array.from(values));
}

/** Of open axes: what was said, then what the inputs at hand have. */
function knownSizes(
  inputs: readonly ValueFacts[],
  { sizes, shapes }: InputChoices,
  read: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, number> {
  const known = new Map(sizes);
  for (const { name, axes = [] } of inputs) {
    const shape = read.get(name)?.shape ?? shapes.get(name) ?? [];
    for (const [position, axis] of axes.entries()) {
      const size = shape[position];
      if (typeof axis === "string" && size !== undefined && !known.has(axis)) known.set(axis, size);
    }
  }
  return known;
}
