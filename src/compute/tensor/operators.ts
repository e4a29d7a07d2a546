/**
 * What each ONNX operator means: its checks, the shapes it gives, and the canonical operator that it
 * becomes. The table is the lowering of `canonical-1`; another lowering is another arithmetic.
 */
import { QuipuError } from "../../base/errors.js";
import type { AttributeValue, Constant, DType, GraphNode } from "./graph.js";

export interface TensorFacts {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Of indices: how many elements they choose among; every index is below it. */
  readonly choices?: number;
}

/** Numbers are those of the flat program. */
export const opcodes = Object.freeze({ matmul: 1, add: 2, multiply: 3, topk: 4 });
export type CanonicalOperator = keyof typeof opcodes;

export interface Lowered {
  readonly operator: CanonicalOperator;
  /** Names of the tensors that are read when it runs. */
  readonly reads: readonly string[];
  /** One for each output of the canonical operator, in order. */
  readonly results: readonly TensorFacts[];
  readonly attributes: readonly number[];
}

export interface Scope {
  facts(name: string): TensorFacts;
  constant(name: string): Constant | undefined;
}

export type OperatorRule = (node: GraphNode, scope: Scope) => Lowered;

export const operators: ReadonlyMap<string, OperatorRule> = new Map([
  ["MatMul", lowerMatMul],
  ["Add", elementwise("add")],
  ["Mul", elementwise("multiply")],
  ["TopK", lowerTopK],
]);

function lowerMatMul(node: GraphNode, scope: Scope): Lowered {
  const [left, right] = floatOperands(node, scope, 2);
  const a = scope.facts(left as string).shape;
  const b = scope.facts(right as string).shape;
  if (a.length < 2 || b.length < 2) {
    throw unsupported(node, "multiplies a vector; give it a matrix with one row or column");
  }
  const inner = a.at(-1);
  if (inner !== b.at(-2)) throw mismatch(node, scope, "inner sizes differ");
  const leading = broadcast(a.slice(0, -2), b.slice(0, -2));
  if (leading === undefined) throw mismatch(node, scope, "leading axes do not broadcast");
  const shape = [...leading, a.at(-2) as number, b.at(-1) as number];
  return {
    operator: "matmul",
    reads: node.inputs,
    results: [{ dtype: "float32", shape }],
    attributes: [],
  };
}

function elementwise(operator: "add" | "multiply"): OperatorRule {
  return (node, scope) => {
    const [left, right] = floatOperands(node, scope, 2);
    const a = scope.facts(left as string).shape;
    const b = scope.facts(right as string).shape;
    const shape = broadcast(a, b);
    if (shape === undefined) throw mismatch(node, scope, "shapes do not broadcast");
    return {
      operator,
      reads: node.inputs,
      results: [{ dtype: "float32", shape }],
      attributes: [],
    };
  };
}

function lowerTopK(node: GraphNode, scope: Scope): Lowered {
  const [rows, count] = node.inputs;
  if (node.inputs.length !== 2 || rows === undefined || count === undefined) {
    throw wrong(node, "needs two inputs");
  }
  const facts = scope.facts(rows);
  if (facts.dtype !== "float32") throw unsupported(node, `takes float32 and ${rows} is int64`);
  const axis = integerAttribute(node, "axis", -1);
  const largest = integerAttribute(node, "largest", 1);
  const rank = facts.shape.length;
  if (rank === 0 || axis < -rank || axis >= rank) throw wrong(node, `has no axis ${axis}`);
  if (axis !== -1 && axis !== rank - 1) {
    throw unsupported(node, "works along an axis that is not the last");
  }
  if (largest !== 0 && largest !== 1) throw wrong(node, `has largest = ${largest}`);
  const k = constantInteger(node, count, scope);
  const length = facts.shape.at(-1) as number;
  if (k < 0 || k > length) {
    throw mismatch(node, scope, `it asks for ${k} of ${length} elements`);
  }
  const shape = [...facts.shape.slice(0, -1), k];
  return {
    operator: "topk",
    reads: [rows],
    results: [
      { dtype: "float32", shape },
      { dtype: "int64", shape, choices: length },
    ],
    attributes: [largest],
  };
}

function floatOperands(node: GraphNode, scope: Scope, count: number): readonly string[] {
  if (node.inputs.length !== count || node.inputs.includes("")) {
    throw wrong(node, `needs ${count} inputs`);
  }
  for (const name of node.inputs) {
    const { dtype } = scope.facts(name);
    if (dtype !== "float32") throw unsupported(node, `takes float32 and ${name} is ${dtype}`);
  }
  return node.inputs;
}

function constantInteger(node: GraphNode, name: string, scope: Scope): number {
  const constant = scope.constant(name);
  if (constant === undefined) throw unsupported(node, `takes its k from ${name}, no constant`);
  const { dtype, shape, bytes } = constant;
  if (dtype !== "int64" || bytes.length !== 8 || shape.length > 1) {
    throw wrong(node, `takes its k from ${name}, which is not one int64`);
  }
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true));
}

function integerAttribute(node: GraphNode, name: string, otherwise: number): number {
  const value: AttributeValue = node.attributes.get(name);
  if (value === undefined) return otherwise;
  if (typeof value !== "bigint") throw wrong(node, `has an attribute ${name} that is no integer`);
  return Number(value);
}

/** NumPy's rule: from the last axis on, sizes are equal or one of them is 1. */
function broadcast(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis += 1) {
    const x = a[a.length - rank + axis] ?? 1;
    const y = b[b.length - rank + axis] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

function wrong(node: GraphNode, what: string): QuipuError {
  return new QuipuError("MODEL_INVALID", `node ${node.name} (${node.operator}) ${what}`);
}

function unsupported(node: GraphNode, what: string): QuipuError {
  return new QuipuError("MODEL_UNSUPPORTED", `node ${node.name} (${node.operator}) ${what}`);
}

function mismatch(node: GraphNode, scope: Scope, why: string): QuipuError {
  const shapes = node.inputs.map((name) => `${name} [${scope.facts(name).shape.join(", ")}]`);
  return new QuipuError(
    "SHAPE_MISMATCH",
    `node ${node.name} (${node.operator}) cannot combine ${shapes.join(" and ")}: ${why}`,
    {
      next: "check the shapes of the inputs against the model",
      details: { node: node.name, inputs: node.inputs },
    },
  );
}
