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
import { checkTensor, type Tensor } from "./tensor.js";
import { TensorFile } from "./tensor-file.js";

export interface ProductOptions {
  readonly task: TensorTask;
  readonly modelPath: string;
  readonly dataFolder: string;
  /** What the run gave as `outputs.safetensors`. */
  readonly outputPath: string;
  readonly backend: Backend;
  readonly signal: AbortSignal;
}

export interface ProductOfRun extends ProductShape {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly c: Float32Array;
}

/** MODEL_UNSUPPORTED where the model is no such product. */
export async function productOfRun(options: ProductOptions): Promise<ProductOfRun> {
  const { task, dataFolder, outputPath, backend, signal } = options;
  const model = await readModel(options.modelPath, signal);
  const memoryBytesMax = memoryBytesDefault();
  const { tensors } = await readInputs({ task, dataFolder, memoryBytesMax, signal });
  const { session, shape, output } = Session.compileOperands(model, tensors, { memoryBytesMax });
  const c = await readOutput(outputPath, output, signal);
  // Operands are canonical: a fast run rounds its products, and nothing before them.
  const inputs = handedOver(tensors, session.inputs);
  const { outputs } = await session.run(inputs, { backend, digests: false, signal });
  return { ...shape, a: floatsOf(outputs.get("a")), b: floatsOf(outputs.get("b")), c: floatsOf(c) };
}

async function readOutput(path: string, port: TensorPort, signal: AbortSignal): Promise<Tensor> {
  const file = await TensorFile.open(path, outputFileName);
  try {
    return checkTensor(port, await file.read(file.place(port.name), signal));
  } finally {
    await file.close();
  }
}

function floatsOf(tensor: Tensor | undefined): Float32Array {
  if (tensor?.dtype === "float32") return tensor.data;
  throw new QuipuError("INTERNAL", `a product is of float32, and this is ${tensor?.dtype}`);
}
