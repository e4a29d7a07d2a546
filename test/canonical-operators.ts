/** The operators of `canonical-1` a second time, by their names: what their golden vectors are made with. */
import type { Opcode } from "../src/compute/tensor/canonical/value.js";
import {
  type Elements,
  type Operand,
  type OperatorVector,
  operandElements,
  toBits,
  Words,
} from "./canonical-elements.js";
import { map } from "./canonical-maps.js";
import * as moves from "./canonical-moves.js";
import { normalise, reduce, scan, softmax } from "./canonical-reductions.js";
import { trees } from "./canonical-trees.js";
import { convolution, pool } from "./canonical-windows.js";

type Compute = (words: Words, inputs: readonly Elements[], count: number) => Elements[];
const operators: Partial<Record<Opcode, Compute>> = {
  ...{ map, reduce, scan, softmax, normalise, convolution, pool, trees },
  ...{ copy: moves.copy, gather: moves.gather, gatherElements: moves.gatherElements },
  ...{ gatherNd: moves.gatherNd, scatterElements: moves.scatterElements },
  ...{ scatterNd: moves.scatterNd },
};

/** `count`: elements of a result that no word tells. */
export function operatorVector(
  name: string,
  operator: Opcode,
  words: readonly number[],
  inputs: readonly Operand[],
  count = 0,
): OperatorVector {
  const compute = operators[operator] as Compute;
  const outputs = compute(new Words(words), inputs.map(operandElements), count).map(toBits);
  return { name, operator, words, inputs, outputs };
}
