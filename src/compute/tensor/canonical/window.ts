/** Operators whose window moves over up to three spatial axes: convolution and pooling. */
import type { Builder } from "./builder.js";
import type { Value } from "./value.js";

/** Where a window stands: one number a spatial axis. What lies beyond the end follows from `out`. */
export interface Window {
  readonly in: readonly number[];
  readonly kernel: readonly number[];
  readonly out: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Not negative. */
  readonly padsBegin: readonly number[];
}

export const spatialAxesMax = 3;

/** in, kernel, out, stride, dilation and pad of three axes; those that are missing lead. */
function windowWords(window: Window): number[] {
  const three = (numbers: readonly number[], neutral: number) => [
    ...new Array<number>(spatialAxesMax - numbers.length).fill(neutral),
    ...numbers,
  ];
  const { in: sizes, kernel, out, strides, dilations, padsBegin } = window;
  const ones = [sizes, kernel, out, strides, dilations].flatMap((numbers) => three(numbers, 1));
  return [...ones, ...three(padsBegin, 0)];
}

/** Value: batch × channels × space; weights: results × channels of a group × kernel. */
export function convolution(
  builder: Builder,
  value: Value,
  weights: Value,
  groups: number,
  window: Window,
): Value {
  const batch = value.shape[0] as number;
  const [results, channels] = weights.shape as [number, number];
  return builder.emit(
    "convolution",
    [value, weights],
    [{ dtype: "float32", shape: [batch, results, ...window.out] }],
    [batch, groups, channels, results / groups, ...windowWords(window)],
  )[0] as Value;
}

/** Frozen numbers. The last two also say where each maximum stands, counting by rows or columns. */
const poolings = Object.freeze({
  maximum: 1,
  average: 2,
  maximumByRow: 3,
  maximumByColumn: 4,
});

export interface Pooling extends Window {
  readonly how: keyof typeof poolings;
  /** Of the result. */
  readonly shape: readonly number[];
  readonly planes: number;
  /** Padding is part of an average, as zeros. */
  readonly countPadding?: boolean;
}

export function pool(builder: Builder, value: Value, pooling: Pooling): Value[] {
  const { how, shape, planes, countPadding = false } = pooling;
  const words = [poolings[how], planes, ...windowWords(pooling), countPadding ? 1 : 0];
  const values = { dtype: "float32" as const, shape };
  const places = { dtype: "int64" as const, shape };
  const hasPlaces = how === "maximumByRow" || how === "maximumByColumn";
  return builder.emit("pool", [value], hasPlaces ? [values, places] : [values], words);
}
