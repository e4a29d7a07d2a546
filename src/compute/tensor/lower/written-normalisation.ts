/** Layer normalisation written out: d / √(mean(d²) + epsilon) with d = x - mean(x), and what follows. */
import type { GraphNode } from "../onnx/graph.js";
import type { OnnxAttribute } from "../onnx/message.js";
import { writtenNormalisation as rule } from "./layer-normalisation.js";
import type { Match, Pattern } from "./pattern.js";
import { eitherWay, type Wiring } from "./wiring.js";

export const writtenNormalisation: Pattern = {
  operator: "layer normalisation written out",
  matches: (node, wiring) =>
    quotients(node, wiring).flatMap((quotient) => {
      const normalised = normalisedBy(quotient, wiring);
      return normalised === undefined ? [] : withScale(normalised, wiring);
    }),
  rule,
};

interface Quotient {
  readonly dividend: string;
  readonly divisor: string | undefined;
  readonly nodes: readonly GraphNode[];
}

/** A division, or a multiplication by the reciprocal. */
function quotients(node: GraphNode, wiring: Wiring): Quotient[] {
  const [dividend, divisor] = node.inputs;
  if (node.operator === "Div") return [{ dividend: dividend ?? "", divisor, nodes: [node] }];
  if (node.operator !== "Mul") return [];
  return eitherWay(node.inputs).flatMap(([dividend, other]) => {
    const reciprocal = wiring.giver(other, "Reciprocal");
    if (reciprocal === undefined) return [];
    return [{ dividend, divisor: reciprocal.inputs[0], nodes: [reciprocal, node] }];
  });
}

interface Mean {
  readonly of: string | undefined;
  readonly axes: OnnxAttribute;
  readonly node: GraphNode;
}

/** Along axes that are named and stay. */
function meanOf(name: string | undefined, wiring: Wiring): Mean | undefined {
  const node = wiring.giver(name, "ReduceMean");
  const axes = node?.attributes.get("axes");
  const keeps = node?.attributes.get("keepdims")?.integer ?? 1n;
  if (node === undefined || axes === undefined || axes.integers.length === 0) return undefined;
  return keeps === 1n ? { of: node.inputs[0], axes, node } : undefined;
}

/** The node that gives the square of `name`. */
function squareOf(name: string, square: string | undefined, wiring: Wiring): GraphNode | undefined {
  const power = wiring.giver(square, "Pow");
  const exponent = wiring.number(power?.inputs[1], ["float32", "int64", "int32"]);
  if (power?.inputs[0] === name && exponent === 2) return power;
  const product = wiring.giver(square, "Mul");
  return product?.inputs.every((factor) => factor === name) ? product : undefined;
}

interface Normalised {
  readonly x: string;
  readonly axes: OnnxAttribute;
  readonly epsilon: number;
  readonly nodes: readonly GraphNode[];
}

function normalisedBy(quotient: Quotient, wiring: Wiring): Normalised | undefined {
  const { dividend, divisor, nodes } = quotient;
  const centred = wiring.giver(dividend, "Sub");
  const root = wiring.giver(divisor, "Sqrt");
  const sum = wiring.giver(root?.inputs[0], "Add");
  const [x = "", middle] = centred?.inputs ?? [];
  const mean = meanOf(middle, wiring);
  if (centred === undefined || root === undefined || sum === undefined) return undefined;
  if (mean?.of !== x) return undefined;
  const { axes } = mean;
  for (const [spread, added] of eitherWay(sum.inputs)) {
    const epsilon = wiring.number(added);
    const variance = meanOf(spread, wiring);
    const square = squareOf(dividend, variance?.of, wiring);
    if (epsilon === undefined || variance === undefined || square === undefined) continue;
    if (variance.axes.integers.join() !== axes.integers.join()) continue;
    const before = [mean.node, centred, square, variance.node, sum, root];
    return { x, axes, epsilon, nodes: [...before, ...nodes] };
  }
  return undefined;
}

/** With the scale and the bias that alone read the result, with the scale, and without them. */
function withScale({ x, axes, epsilon, nodes }: Normalised, wiring: Wiring): Match[] {
  const number = { name: "epsilon", float: epsilon };
  const attributes = [axes, { ...number, floats: [], integers: [], texts: [], isOther: false }];
  let match: Match = { nodes, inputs: [x], attributes };
  const matches = [match];
  for (const operator of ["Mul", "Add"]) {
    const last = match.nodes.at(-1) as GraphNode;
    const reader = wiring.onlyReader(last, operator);
    const other = reader?.inputs.find((name) => name !== last.outputs[0]);
    if (reader === undefined || other === undefined) break;
    match = { nodes: [...match.nodes, reader], inputs: [...match.inputs, other], attributes };
    matches.unshift(match);
  }
  return matches;
}
