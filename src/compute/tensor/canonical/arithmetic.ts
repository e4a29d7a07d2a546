/** The operators that compute over more than one element: their results and their words. */
import { float32Bits } from "../../../base/float-bits.js";
import { sizeOf } from "../dtype.js";
import type { Builder } from "./builder.js";
import { transpose } from "./layout.js";
import { broadcastStrides } from "./linearise.js";
import { apply, constant, read, type Term } from "./term.js";
import type { Value } from "./value.js";

/** Matrices in the last two axes; the leading axes broadcast and are already known to. */
export function matmul(builder: Builder, a: Value, b: Value, leading: readonly number[]): Value {
  const [m, k] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1) as number;
  const aStrides = broadcastStrides(a.shape.slice(0, -2), leading);
  const bStrides = broadcastStrides(b.shape.slice(0, -2), leading);
  return builder.emit(
    "matmul",
    [a, b],
    [{ dtype: "float32", shape: [...leading, m, n] }],
    [m, n, k, leading.length, ...leading, ...aStrides, ...bStrides],
  )[0] as Value;
}

/** Frozen numbers. */
const reductions = Object.freeze({
  sum: 1,
  product: 2,
  maximum: 3,
  minimum: 4,
  sumOfSquares: 5,
  firstMaximum: 11,
  lastMaximum: 12,
  firstMinimum: 13,
  lastMinimum: 14,
});
export type Reduction = keyof typeof reductions;

/** Which way a value must be seen so that `axes` are one axis: outer × length × inner. */
interface Seen {
  readonly value: Value;
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** Neighbouring axes are reduced where they lie; others are brought to the end first. */
function gatherAxes(builder: Builder, value: Value, axes: readonly number[]): Seen {
  const { shape } = value;
  const size = (part: readonly number[]) => sizeOf(part.map((axis) => shape[axis] as number));
  const all = shape.map((_, axis) => axis);
  const kept = all.filter((axis) => !axes.includes(axis));
  const first = axes[0] ?? shape.length;
  const last = axes.at(-1) ?? first;
  const between = kept.filter((axis) => axis > first && axis < last);
  const length = size(axes);
  if (between.every((axis) => shape[axis] === 1)) {
    const outer = size(kept.filter((axis) => axis < first));
    return { value, outer, length, inner: size(kept.filter((axis) => axis > last)) };
  }
  const moved = transpose(builder, value, [...kept, ...axes]);
  return { value: moved, outer: size(kept), length, inner: 1 };
}

/** `axes` ascending. Reduced axes stay with size 1 where `keep` says so. */
export function reduce(
  builder: Builder,
  value: Value,
  which: Reduction,
  axes: readonly number[],
  keep: boolean,
): Value {
  const shape = value.shape.flatMap((size, axis) => (!axes.includes(axis) ? size : keep ? 1 : []));
  const seen = gatherAxes(builder, value, axes);
  const isIndex = reductions[which] > 10;
  const result = isIndex
    ? { dtype: "int64" as const, shape, choices: seen.length }
    : { dtype: value.dtype, shape };
  return builder.emit(
    "reduce",
    [seen.value],
    [result],
    [reductions[which], seen.outer, seen.length, seen.inner],
  )[0] as Value;
}

/** Sum over `axes`, then one division by their size. */
export function mean(
  builder: Builder,
  value: Value,
  axes: readonly number[],
  keep: boolean,
): Value {
  const count = sizeOf(axes.map((axis) => value.shape[axis] as number));
  const total = reduce(builder, value, "sum", axes, keep);
  const { dtype } = total;
  const divisor: Term =
    dtype === "int64" || dtype === "int32" ? constant(count, dtype) : constant(count);
  return builder.map(total.shape, apply("divide", read(total), divisor));
}

/** Over the last axis. */
export function softmax(builder: Builder, value: Value, logarithm: boolean): Value {
  const length = value.shape.at(-1) ?? 1;
  const rows = length === 0 ? 0 : sizeOf(value.shape) / length;
  return builder.emit(
    "softmax",
    [value],
    [{ dtype: "float32", shape: value.shape }],
    [rows, length, logarithm ? 1 : 0],
  )[0] as Value;
}

export interface Normalisation {
  /** Elements that are normalised together. */
  readonly length: number;
  readonly epsilon: number;
  /** With none, only (x - mean) / deviation. */
  readonly scale?: Value | undefined;
  readonly bias?: Value | undefined;
  /** Scale and bias by position in a row, or by the row's number modulo their size. */
  readonly by?: "position" | "row";
}

/** Results: normalised, and of each row its mean and the inverse of its deviation. */
export function normalise(builder: Builder, value: Value, how: Normalisation): Value[] {
  const { length, epsilon, scale, bias, by = "position" } = how;
  const rows = length === 0 ? 0 : sizeOf(value.shape) / length;
  const affine = scale !== undefined;
  const zeros = (of: Value) => builder.floats(new Array(sizeOf(of.shape)).fill(-0), of.shape);
  // x + -0 is x for every x, -0 among them.
  const operands = scale === undefined ? [] : [scale, bias ?? zeros(scale)];
  const mode = !affine ? 0 : by === "position" ? 1 : 2;
  const channels = scale === undefined ? 0 : sizeOf(scale.shape);
  return builder.emit(
    "normalise",
    [value, ...operands],
    [
      { dtype: "float32", shape: value.shape },
      { dtype: "float32", shape: [rows] },
      { dtype: "float32", shape: [rows] },
    ],
    [rows, length, float32Bits(epsilon), mode, channels],
  );
}
