/**
 * Fuzz target of the compiler: whatever bytes it is given, it refuses them with a terminal error, or
 * gives a program that the native decoder takes. Run by `npm run test:fuzz`.
 */
import { QuipuError } from "../../src/base/errors.js";
import { NativeProgram } from "../../src/compute/native/program.js";
import { compileGraph, importModel } from "../../src/compute/tensor/compile.js";
import { elementBytes, elementCount } from "../../src/compute/tensor/dtype.js";
import type { Given } from "../../src/compute/tensor/lower/bind.js";
import type { GraphInput } from "../../src/compute/tensor/onnx/graph.js";

const memoryBytesMax = 1 << 26;
const smallMax = 4096;

/** Open axes are 2 long. */
function shapeOf({ axes = [] }: GraphInput): number[] {
  return axes.map((axis) => (typeof axis === "number" ? axis : 2));
}

/** Small integers, for inputs whose value is asked for. */
function valueFor(input: GraphInput) {
  const shape = shapeOf(input);
  const count = elementCount(shape, input.dtype) ?? 0;
  if (count > smallMax) throw new QuipuError("LIMIT_EXCEEDED", "too many values to bind");
  const size = elementBytes(input.dtype);
  const bytes = new Uint8Array(count * size);
  for (let index = 0; index < count; index += 1) bytes[index * size] = 1 + (index % 2);
  return { dtype: input.dtype, shape, bytes };
}

function compileAny(model: Uint8Array): Uint8Array {
  const graph = importModel(model);
  const { inputs } = graph;
  const given: Record<string, Given[string]> = Object.fromEntries(
    inputs.map((input) => [input.name, shapeOf(input)]),
  );
  for (let round = 0; ; round += 1) {
    try {
      return compileGraph(graph, given).program;
    } catch (error) {
      const bind = error instanceof QuipuError ? error.details.bind : undefined;
      const wanted = inputs.filter(({ name }) => Array.isArray(bind) && bind.includes(name));
      if (wanted.length === 0 || round === 3) throw error;
      for (const input of wanted) given[input.name] = valueFor(input);
    }
  }
}

export function fuzz(data: Buffer): void {
  let program: Uint8Array;
  try {
    program = compileAny(new Uint8Array(data));
  } catch (error) {
    if (error instanceof QuipuError && error.code !== "INTERNAL") return;
    throw error;
  }
  try {
    new NativeProgram(program, memoryBytesMax);
  } catch (error) {
    if (!(error instanceof QuipuError) || error.code !== "LIMIT_EXCEEDED") throw error;
  }
}
