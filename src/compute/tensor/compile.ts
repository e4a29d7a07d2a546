/** The compiler: an ONNX file and the shapes of its inputs become one flat program. */
import { QuipuError } from "../../base/errors.js";
import { encodeProgram } from "./encode.js";
import type { DType } from "./graph.js";
import { importOnnx } from "./import-onnx.js";
import { lower, type Shapes } from "./lower.js";
import { planMemory } from "./plan.js";

/** Name of the frozen arithmetic that programs ask for (docs/arithmetic.md). */
export const arithmetic = "canonical-1";

export interface TensorPort {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Of indices: how many elements they choose among. */
  readonly choices?: number;
}

export interface CompiledModel {
  readonly program: Uint8Array;
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly arenaBytes: number;
}

export function compileModel(model: Uint8Array, inputShapes: Shapes): CompiledModel {
  const graph = lower(importOnnx(model), inputShapes);
  const plan = planMemory(graph);
  const port = (name: string): TensorPort => {
    const facts = graph.tensors.get(name);
    if (facts === undefined) throw new QuipuError("INTERNAL", `tensor ${name} has no shape`);
    return { name, ...facts };
  };
  return {
    program: encodeProgram(graph, plan),
    inputs: graph.inputs.map(port),
    outputs: graph.outputs.map(port),
    arenaBytes: plan.arenaBytes,
  };
}
