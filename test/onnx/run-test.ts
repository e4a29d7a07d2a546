/** One test of the suite: passed, failed, or beyond what can be compiled. */
import { QuipuError } from "../../src/base/errors.js";
import { elementTypeName } from "../../src/compute/tensor/dtype.js";
import { firstDifference } from "./compare.js";
import type { HeldTensor } from "./elements.js";
import { compileFor, compileForSecond, outputsFor } from "./engine.js";
import type { FileTensor, ModelOutline, ValueOutline } from "./onnx-file.js";
import { type DataSet, readDataSets, readModel } from "./suite.js";

export const verdicts = ["passed", "failed", "not supported"] as const;
export type Verdict = (typeof verdicts)[number];

export interface Outcome {
  readonly name: string;
  readonly verdict: Verdict;
  /** Empty when it passed. */
  readonly why: string;
  readonly ms: number;
}

/** By the engine, by the second machine, or as far as the compiler: types and shapes of the outputs. */
export type Way = "engine" | "second" | "compiler";

export async function runTest(suite: string, name: string, way: Way): Promise<Outcome> {
  const startedMs = performance.now();
  const end = (verdict: Verdict, why = ""): Outcome => ({
    name,
    verdict,
    why,
    ms: performance.now() - startedMs,
  });
  try {
    const { bytes, outline } = readModel(suite, name);
    const strange = [...outline.inputs, ...outline.outputs].find(({ kind }) => kind !== "tensor");
    if (strange !== undefined) return end("not supported", `${strange.kind} values`);
    for (const set of readDataSets(suite, name)) {
      const why =
        way === "compiler"
          ? misfit(bytes, outline, set)
          : await difference(bytes, outline, set, way);
      if (why !== undefined) return end("failed", why);
    }
    return end("passed");
  } catch (thrown) {
    const { code, message } = QuipuError.from(thrown);
    if (code === "MODEL_UNSUPPORTED") return end("not supported", message);
    return end("failed", `${code}: ${message}`);
  }
}

async function difference(
  model: Uint8Array,
  outline: ModelOutline,
  { inputs, outputs }: DataSet,
  way: Way,
): Promise<string | undefined> {
  const compile = way === "second" ? compileForSecond : compileFor;
  const compiled = compile(model, namedInputs(outline, inputs));
  const ran = await compiled.run({ digests: false });
  for (const [index, value] of outline.outputs.entries()) {
    const { name } = value;
    const actual = ran.outputs.get(name);
    const file = outputs[index];
    if (actual === undefined || file === undefined) return `there is no output ${name}`;
    const expected = asDeclared(file, value);
    if (!("data" in expected)) return `${name} is ${actual.dtype} and should be ${expected.dtype}`;
    const why = firstDifference(actual, expected);
    if (why !== undefined) return why;
  }
  return undefined;
}

function misfit(
  model: Uint8Array,
  outline: ModelOutline,
  { inputs, outputs }: DataSet,
): string | undefined {
  const kind = ({ dtype, shape }: Omit<FileTensor, "name">) => `${dtype} [${shape.join(", ")}]`;
  const ports = outputsFor(model, namedInputs(outline, inputs));
  for (const [index, value] of outline.outputs.entries()) {
    const port = ports[index];
    const file = outputs[index];
    if (port === undefined || file === undefined) return `there is no output ${value.name}`;
    const expected = asDeclared(file, value);
    if (kind(port) !== kind(expected)) {
      return `${port.name} is ${kind(port)} and should be ${kind(expected)}`;
    }
  }
  return undefined;
}

/**
 * Files come in the order of the model's inputs; their own names need not be the model's. Where a file
 * contradicts its own model, there is nothing to run.
 */
export function namedInputs(
  outline: ModelOutline,
  inputs: readonly FileTensor[],
): readonly HeldTensor[] {
  return outline.inputs.map((value, index) => {
    const input = inputs[index];
    if (input === undefined) throw new Error(`no file for input ${value.name}`);
    const { axes } = value;
    const fits =
      axes === undefined ||
      (axes.length === input.shape.length &&
        axes.every((size, axis) => size === undefined || size === input.shape[axis]));
    if (!fits) throw unsupported(`input ${value.name} of the test has not its model's shape`);
    const named = asDeclared(input, value);
    if ("data" in named) return named;
    throw unsupported(`input ${value.name} holds elements of type ${input.dtype}`);
  });
}

function unsupported(what: string): QuipuError {
  return new QuipuError("MODEL_UNSUPPORTED", what);
}

/** With the model's name; and bfloat16 where the model says so of what the suite keeps as uint16. */
function asDeclared(tensor: FileTensor, { name, elementType }: ValueOutline): FileTensor {
  const bits = tensor.dtype === "uint16" && elementTypeName(elementType) === "bfloat16";
  return { ...tensor, name, ...(bits ? { dtype: "bfloat16" } : {}) };
}
