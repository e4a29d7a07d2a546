/** GELU written out: the product of x, 1/2 and 1 + erf(x / √2), in any order. */
import { float32Bits } from "../../../base/float-bits.js";
import { apply, read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { GraphNode } from "../onnx/graph.js";
import type { Operation } from "./operation.js";
import { asWritten, type Match, type Pattern } from "./pattern.js";
import { eitherWay, type Wiring } from "./wiring.js";

export const writtenGelu: Pattern = {
  operator: "GELU written out",
  matches: products,
  rule: gelu,
};

function products(last: GraphNode, wiring: Wiring): Match[] {
  if (last.operator !== "Mul") return [];
  return eitherWay(last.inputs).flatMap(([inner, outer]) => {
    const first = wiring.giver(inner, "Mul");
    if (first === undefined) return [];
    const factors = [outer, ...first.inputs];
    return factors.flatMap((half, at): Match[] => {
      if (wiring.number(half) !== 0.5) return [];
      return eitherWay(factors.toSpliced(at, 1)).flatMap(([x, sum]): Match[] => {
        const nodes = onePlusErf(sum, x, wiring);
        return nodes === undefined ? [] : [{ nodes: [...nodes, first, last], inputs: [x] }];
      });
    });
  });
}

/** The nodes that give 1 + erf(x / √2). */
function onePlusErf(name: string, x: string, wiring: Wiring): GraphNode[] | undefined {
  const sum = wiring.giver(name, "Add");
  for (const [one, of] of eitherWay(sum?.inputs ?? [])) {
    const erf = wiring.giver(of, "Erf");
    const [scaled] = erf?.inputs ?? [];
    if (sum === undefined || erf === undefined || wiring.number(one) !== 1) continue;
    const quotient = wiring.giver(scaled, "Div");
    if (quotient?.inputs[0] === x && isNear(wiring.number(quotient.inputs[1]), Math.SQRT2)) {
      return [quotient, erf, sum];
    }
    const product = wiring.giver(scaled, "Mul");
    for (const [factor, other] of eitherWay(product?.inputs ?? [])) {
      if (product === undefined || other !== x) continue;
      if (isNear(wiring.number(factor), Math.SQRT1_2)) return [product, erf, sum];
    }
  }
  return undefined;
}

/** The nearest binary32 or one beside it: exporters round differently. */
function isNear(number: number | undefined, wanted: number): boolean {
  return number !== undefined && Math.abs(float32Bits(number) - float32Bits(wanted)) <= 1;
}

/** Without axes x may take one from a constant. */
function gelu(operation: Operation): readonly Value[] {
  const value = operation.input(0);
  if (value.dtype !== "float32" || value.shape.length === 0) return asWritten(operation);
  return [operation.builder.map(value.shape, apply("gelu", read(value)))];
}
