/**
 * A model that is one matrix product, taken apart: what its operands are, and which matrix is multiplied
 * by which. For runs whose product was not canonical, and so cannot be computed again for equal bits.
 */
import { QuipuError } from "../../base/errors.js";
import type { PlainOperator, Value } from "./canonical/value.js";
import { type CompiledModel, compileLowered, type TensorPort } from "./compile.js";
import type { Given } from "./lower/bind.js";
import { type Lowered, lower } from "./lower/lower.js";
import type { Graph } from "./onnx/graph.js";
import { withoutDead } from "./program/sections.js";

export interface ProductShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Of each matrix of the result, in order: which one of each operand gives it. */
  readonly pairs: readonly (readonly [a: number, b: number])[];
}

export interface CompiledProduct {
  readonly shape: ProductShape;
  /** Where the model gives the product. */
  readonly output: TensorPort;
  /** Gives the outputs `a` and `b`. */
  readonly operands: CompiledModel;
}

export function compileProduct(graph: Graph, given: Given): CompiledProduct {
  const lowered = lower(graph, given);
  const { product, output } = onlyProduct(lowered);
  const outputs = new Map(
    product.reads.map((buffer, at) => [at === 0 ? "a" : "b", whole(buffer, lowered)]),
  );
  return {
    shape: shapeOf(product),
    output,
    operands: compileLowered({ ...lowered, outputs }),
  };
}

/** The product that is the model's only output, as it lies, and the only one before it. */
function onlyProduct(lowered: Lowered): { product: PlainOperator; output: TensorPort } {
  const products = withoutDead(lowered).filter(
    (operator): operator is PlainOperator => operator.opcode === "matmul",
  );
  const [product] = products;
  const [named, another] = lowered.outputs;
  const isResult = named !== undefined && product?.writes[0] === named[1].buffer;
  if (product !== undefined && products.length === 1 && isResult && another === undefined) {
    const [name, { dtype, shape }] = named;
    return { product, output: { name, dtype, shape } };
  }
  const found = products.length === 1 ? "computes more with its product" : "";
  const what = found || `has ${products.length} matrix products`;
  throw new QuipuError(
    "MODEL_UNSUPPORTED",
    `the model is not one matrix product that is its only output: it ${what}`,
  );
}

/** All elements of a buffer, in a row. */
function whole(buffer: number, { buffers }: Lowered): Value {
  return { buffer, dtype: "float32", shape: [buffers[buffer]?.elements ?? 0] };
}

/** Rows that are multiplied by one and the same matrix are one matrix. */
function shapeOf({ words }: PlainOperator): ProductShape {
  const [m = 0, n = 0, k = 0, rank = 0, ...rest] = words.map(Number);
  const [leading, aSteps, bSteps] = [0, 1, 2].map((part) =>
    rest.slice(part * rank, (part + 1) * rank),
  ) as [number[], number[], number[]];
  let pairs: (readonly [number, number])[] = [[0, 0]];
  for (const [axis, size] of leading.entries()) {
    const [aStep, bStep] = [aSteps[axis] as number, bSteps[axis] as number];
    pairs = pairs.flatMap(([a, b]) =>
      Array.from({ length: size }, (_, at) => [a + at * aStep, b + at * bStep] as const),
    );
  }
  const isOne = pairs.length > 0 && pairs.every(([a, b], at) => a === at && b === 0);
  return isOne ? { m: m * pairs.length, n, k, pairs: [[0, 0]] } : { m, n, k, pairs };
}
