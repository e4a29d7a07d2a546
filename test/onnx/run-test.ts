/** One test of the suite: passed, failed, or beyond what can be compiled. */
import { QuipuError } from "../../src/base/errors.js";
import { firstDifference } from "./compare.js";
import type { HeldTensor } from "./elements.js";
import { compileFor } from "./engine.js";
import type { FileTensor, ModelOutline } from "./onnx-file.js";
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

export async function runTest(suite: string, name: string): Promise<Outcome> {
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
      const why = await difference(bytes, outline, set);
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
): Promise<string | undefined> {
  const compiled = compileFor(model, namedInputs(outline, inputs));
  const ran = await compiled.run({ digests: false });
  for (const [index, { name }] of outline.outputs.entries()) {
    const actual = ran.outputs.get(name);
    const expected = outputs[index];
    if (actual === undefined || expected === undefined) return `there is no output ${name}`;
    if (!("data" in expected)) return `${name} is ${actual.dtype} and should be ${expected.dtype}`;
    const why = firstDifference(actual, { ...expected, name });
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Files come in the order of the model's inputs; their own names need not be the model's. */
export function namedInputs(
  outline: ModelOutline,
  inputs: readonly FileTensor[],
): readonly HeldTensor[] {
  return outline.inputs.map(({ name }, index) => {
    const input = inputs[index];
    if (input === undefined) throw new Error(`no file for input ${name}`);
    if ("data" in input) return { ...input, name };
    throw new QuipuError(
      "MODEL_UNSUPPORTED",
      `input ${name} holds elements of type ${input.dtype}`,
    );
  });
}
