/** A tensor job whose model is one matrix product: the product's operands anew, and what a run gave as C. */
import { QuipuError } from "../../base/errors.js";
import type { TensorTask } from "../../model/job.js";
import type { Backend } from "../native/program.js";
import type { TensorPort } from "../tensor/compile.js";
import type { ProductShape } from "../tensor/product.js";
import { handedOver } from "./handed-over.js";
import { readModel } from "./model-file.js";
import { outputFileName } from "./output-file.js";
import { memoryBytesDefault, Session } from "./session.js";
import { readInputs } from "./task-inputs.js";
import type { Tensor, TensorPlace } from "./tensor.js";
import { TensorFile } from "./tensor-file.js";

export interface ProductOptions {
  readonly task: TensorTask;
  readonly modelPath: string;
  readonly dataFolder: string;
  /** What the run gave as `outputs.safetensors`. */
  readonly outputPath: string;
  readonly backend: Backend;
  readonly signal?: AbortSignal | undefined;
}

export interface ProductOfRun extends ProductShape {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly c: Float32Array;
  /** Of the model and of each table, as they lie on disk; of other files what was read of them. */
  readonly inputBytes: number;
}

/**
 * MODEL_UNSUPPORTED where the model is no such product; DATA_INVALID or SHAPE_MISMATCH where what the run gave
 * cannot be its result.
 */
export async function productOfRun(options: ProductOptions): Promise<ProductOfRun> {
  const { task, dataFolder, outputPath, backend, signal } = options;
  const model = await readModel(options.modelPath, signal);
  const memoryBytesMax = memoryBytesDefault();
  const { tensors, fileBytes } = await readInputs({ task, dataFolder, memoryBytesMax, signal });
  const { session, shape, output } = Session.compileOperands(model, tensors, { memoryBytesMax });
  const { c, readBytes } = await readOutput(outputPath, output, signal);
  // Operands are canonical: a fast run rounds its products, and nothing before them.
  const inputs = handedOver(tensors, session.inputs);
  const { outputs } = await session.run(inputs, { backend, digests: false, signal });
  const [a, b] = [floatsOf(outputs.get("a")), floatsOf(outputs.get("b"))];
  return { ...shape, a, b, c: floatsOf(c), inputBytes: model.length + fileBytes + readBytes };
}

async function readOutput(
  path: string,
  port: TensorPort,
  signal: AbortSignal | undefined,
): Promise<{ readonly c: Tensor; readonly readBytes: number }> {
  const file = await TensorFile.open(path, outputFileName);
  try {
    const place = file.place(port.name);
    requireLike(port, place); // before memory is taken for whatever somebody has claimed
    return { c: await file.read(place, signal), readBytes: file.readBytes };
  } finally {
    await file.close();
  }
}

function requireLike({ name, dtype, shape }: TensorPort, place: TensorPlace): void {
  const [is, should] = [place, { dtype, shape }].map(
    (one) => `${one.dtype} [${one.shape.join(", ")}]`,
  );
  if (is === should) return;
  throw new QuipuError(
    "SHAPE_MISMATCH",
    `${outputFileName} holds ${name} as ${is}, and the model gives ${should}`,
  );
}

function floatsOf(tensor: Tensor | undefined): Float32Array {
  if (tensor?.dtype === "float32") return tensor.data;
  throw new QuipuError("INTERNAL", `a product is of float32, and this is ${tensor?.dtype}`);
}
