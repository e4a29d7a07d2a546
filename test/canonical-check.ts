/** Holds one backend against the golden vectors: by the tests of the CPU, and by those of a GPU. */
import { type Backend, float32, Session, type Tensor } from "../src/compute/engine/session.js";
import { fromBitText, inputOf, toBitText } from "./canonical-reference.js";
import type { Vectors } from "./canonical-vectors.js";
import { operatorModel, topKModel } from "./onnx-writer.js";

/** Functions of maps that an ONNX operator becomes, by number. */
const onnxOperators: Readonly<Record<number, string>> = {
  ...{
    1: "Neg",
    2: "Abs",
    3: "Sqrt",
    4: "Reciprocal",
    5: "Floor",
    6: "Ceil",
    7: "Round",
    9: "Sign",
  },
  ...{
    10: "Exp",
    12: "Log",
    14: "Tanh",
    15: "Sigmoid",
    16: "Erf",
    17: "Sin",
    18: "Cos",
    19: "Tan",
  },
  ...{ 20: "Asin", 21: "Acos", 22: "Atan", 23: "Sinh", 24: "Cosh", 25: "Asinh", 26: "Acosh" },
  ...{ 27: "Atanh", 28: "Softplus", 40: "Add", 41: "Sub", 42: "Mul", 43: "Div", 44: "Min" },
  ...{ 45: "Max", 46: "Pow" },
};

/** Names of the vectors whose bits differ, and how. Empty: all are equal. */
export async function differences(
  vectors: Vectors,
  backend: Backend,
  pieces: number,
): Promise<string[]> {
  const found: string[] = [];
  const expect = (name: string, got: string, wanted: string): void => {
    if (got !== wanted) found.push(`${name}: ${firstDifference(got, wanted)}`);
  };
  for (const { name, m, n, k, a, b, c } of vectors.matmul.vectors) {
    const outputs = await compute(operatorModel("MatMul"), backend, pieces, {
      a: float32([m, k], inputOf(a, m * k)),
      b: float32([k, n], inputOf(b, k * n)),
    });
    expect(`matmul ${name}`, textOf(outputs.get("c")), c);
  }
  for (const { name, a, b, sum, product } of vectors.elementwise.vectors) {
    const inputs = {
      a: float32([a.length / 8], fromBitText(a)),
      b: float32([b.length / 8], fromBitText(b)),
    };
    const sums = await compute(operatorModel("Add"), backend, pieces, inputs);
    expect(`add ${name}`, textOf(sums.get("c")), sum);
    const products = await compute(operatorModel("Mul"), backend, pieces, inputs);
    expect(`multiply ${name}`, textOf(products.get("c")), product);
  }
  for (const { name, function: number, count, operands, result } of vectors.functions.vectors) {
    const operator = onnxOperators[number];
    if (operator === undefined) continue;
    const [a, b] = operands.map((operand) => float32([count], inputOf(operand, count)));
    const inputs = { ...(a && { a }), ...(b && { b }) };
    const model = operatorModel(operator, b === undefined ? 1 : 2);
    const outputs = await compute(model, backend, pieces, inputs);
    expect(`${operator} of ${name}`, textOf(outputs.get("c")), result);
  }
  for (const { name, row, k, largest, indices, values } of vectors.topk.vectors) {
    // The row twice: a second row must not see the first one's scratch memory.
    const rows = float32([2, row.length / 8], fromBitText(row + row));
    const outputs = await compute(topKModel(k, largest), backend, pieces, { rows });
    const which = `top-k ${name} ${largest ? "largest" : "smallest"}`;
    expect(`${which} values`, textOf(outputs.get("values")), values + values);
    const got = outputs.get("indices")?.data.join(",") ?? "";
    expect(`${which} indices`, got, [...indices, ...indices].join(","));
  }
  return found;
}

export async function compute(
  model: Uint8Array,
  backend: Backend,
  pieces: number,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<ReadonlyMap<string, Tensor>> {
  const shapes = Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [name, tensor.shape]),
  );
  const session = Session.compile(model, shapes);
  const { outputs } = await session.run(inputs, { backend, pieces, digests: false });
  return outputs;
}

function textOf(tensor: Tensor | undefined): string {
  return tensor?.dtype === "float32" ? toBitText(tensor.data) : "no float32 output";
}

function firstDifference(got: string, wanted: string): string {
  let at = 0;
  while (at < wanted.length && got[at] === wanted[at]) at += 1;
  const start = at - (at % 8);
  const element = start / 8;
  return `element ${element} is ${got.slice(start, start + 8)}, not ${wanted.slice(start, start + 8)}`;
}
