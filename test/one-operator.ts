/** For tests: one operator on tensors, compiled and run, and how far its results are from numbers. */
import { type Random, randomInteger } from "../src/base/random.js";
import { float32, Session, type Tensor } from "../src/compute/engine/session.js";
import { type AttributeParts, writeModel } from "./onnx-writer.js";

export type Attributes = Readonly<Record<string, AttributeParts>>;

export function drawn(random: Random, shape: readonly number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return float32(
    shape,
    Float32Array.from({ length: count }, () => randomInteger(random, 2001) / 1000 - 1),
  );
}

/** One operator on tensors; a missing one is left out. */
function compile(
  operator: string,
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes,
  outputs: number,
) {
  const names = inputs.map((input, index) => (input === undefined ? "" : `in${index}`));
  const domain = operator.includes(".") ? "ai.onnx.ml" : "";
  const types = { float32: 1, int32: 6, int64: 7, float16: 10 };
  const named = inputs.flatMap((input, index) =>
    input === undefined ? [] : [{ name: `in${index}`, tensor: input }],
  );
  const out = Array.from({ length: outputs }, (_, index) => `out${index}`);
  const model = writeModel({
    nodes: [
      {
        operator: operator.slice(operator.lastIndexOf(".") + 1),
        inputs: names,
        outputs: out,
        domain,
        attributes,
      },
    ],
    inputs: named.map(({ name, tensor }) => ({
      name,
      type: types[tensor.dtype as keyof typeof types],
    })),
    outputs: out,
    learning: 2,
  });
  const shapes = named.map(({ name, tensor }) => [name, tensor.shape] as const);
  const session = Session.compile(model, Object.fromEntries(shapes));
  return { session, feeds: Object.fromEntries(named.map(({ name, tensor }) => [name, tensor])) };
}

export async function outputsOf(...what: Parameters<typeof compile>): Promise<Tensor[]> {
  const { session, feeds } = compile(...what);
  return [...(await session.run(feeds)).outputs.values()];
}

export function numbers(tensor: Tensor | undefined): number[] {
  return Array.from(tensor?.data ?? [], Number);
}

/** The greatest difference; infinite where there are more or fewer elements. */
export function errorOf(actual: Tensor | undefined, expected: readonly number[]): number {
  const found = numbers(actual);
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...expected.map((value, at) => Math.abs((found[at] as number) - value)));
}

export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
