/** The 64-bit words of an operator in the flat program: operands, then all that it has to know. */
import { float32Bits } from "../../../base/float-bits.js";
import { type FunctionFacts, functions } from "../canonical/functions.js";
import type { MapOperator, Operator } from "../canonical/value.js";
import { dtypeNumbers } from "../dtype.js";

export function wordsOf(operator: Operator): readonly (number | bigint)[] {
  return operator.opcode === "map" ? mapWords(operator) : operator.words;
}

/**
 * rank, shape, strides of each input; constants: how many, and of each its type and bits; steps: how
 * many, and of each its function | a << 16 | b << 24 | c << 32; a register for each output.
 */
function mapWords({ shape, strides, constants, steps, results }: MapOperator) {
  const merged = mergeAxes(shape, strides);
  const words: (number | bigint)[] = [merged.shape.length, ...merged.shape];
  for (const of of merged.strides) words.push(...of);
  words.push(constants.length);
  for (const { dtype, number } of constants) {
    words.push(
      dtypeNumbers[dtype],
      dtype === "float32" ? float32Bits(Number(number)) : BigInt(number),
    );
  }
  words.push(steps.length);
  for (const { name, operands } of steps) {
    const { number } = functions.get(name) as FunctionFacts;
    const [a = 0n, b = 0n, c = 0n] = operands.map(BigInt);
    words.push(BigInt(number) | (a << 16n) | (b << 24n) | (c << 32n));
  }
  words.push(...results);
  return words;
}

/** Axes that lie one behind the other in every input are one axis; those of size 1 are none. */
function mergeAxes(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
): { shape: number[]; strides: number[][] } {
  const merged: number[] = [];
  const steps: number[][] = strides.map(() => []);
  for (const [axis, size] of shape.entries()) {
    if (size === 1) continue;
    const next = strides.map((of) => of[axis] as number);
    const last = merged.length - 1;
    if (last >= 0 && steps.every((of, input) => of[last] === (next[input] as number) * size)) {
      merged[last] = (merged[last] as number) * size;
      for (const [input, of] of steps.entries()) of[last] = next[input] as number;
    } else {
      merged.push(size);
      for (const [input, of] of steps.entries()) of.push(next[input] as number);
    }
  }
  return { shape: merged, strides: steps };
}
