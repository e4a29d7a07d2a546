/** How a node's attributes place its window: kernel, strides, dilations, padding, size of the result. */

import type { Value } from "../canonical/value.js";
import { spatialAxesMax, type Window } from "../canonical/window.js";
import type { Operation } from "./operation.js";

export interface PaddedWindow extends Window {
  readonly padsEnd: readonly number[];
}

/** One number a spatial axis, `otherwise` where the node has none. */
export function perAxis(
  operation: Operation,
  name: string,
  axes: number,
  otherwise: number,
  least = 1,
): number[] {
  const given = operation.integers(name) ?? new Array<number>(axes).fill(otherwise);
  if (given.length !== axes || given.some((number) => !Number.isSafeInteger(number))) {
    throw operation.wrong(`has ${given.length} numbers in ${name} for ${axes} spatial axes`);
  }
  if (given.some((number) => number < least)) {
    throw operation.unsupported(`has ${name} = [${given.join(", ")}], below ${least}`);
  }
  return given;
}

export function spatialShape(operation: Operation, value: Value): readonly number[] {
  const spatial = value.shape.slice(2);
  if (spatial.includes(0)) throw operation.mismatch("a spatial axis is empty");
  if (spatial.length > 0 && spatial.length <= spatialAxesMax) return spatial;
  throw operation.unsupported(
    `has ${spatial.length} spatial axes; 1 to ${spatialAxesMax} can be compiled`,
  );
}

/** How many elements a window of `kernel` elements spans. */
export function spanOf(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1;
}

const autoPads = ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"] as const;

export function autoPadOf(operation: Operation): (typeof autoPads)[number] {
  const asked = operation.text("auto_pad", "NOTSET");
  const known = autoPads.find((name) => name === asked);
  if (known === undefined) throw operation.wrong(`has auto_pad = ${asked}`);
  return known;
}

/** The odd one of `total` goes to the end with SAME_UPPER, else to the beginning. */
export function splitPadding(total: number, upper: boolean): readonly [number, number] {
  const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
  return upper ? [less, more] : [more, less];
}

/** Padding at the beginning and the end of each axis. */
export function padsOf(operation: Operation, axes: number): readonly [number[], number[]] {
  const pads = perAxis(operation, "pads", axes * 2, 0, 0);
  return [pads.slice(0, axes), pads.slice(axes)];
}

function padAxis(
  operation: Operation,
  size: number,
  span: number,
  stride: number,
): readonly [number, number] {
  const out = Math.ceil(size / stride);
  const total = Math.max(0, (out - 1) * stride + span - size);
  return splitPadding(total, autoPadOf(operation) === "SAME_UPPER");
}

export function windowOf(
  operation: Operation,
  spatial: readonly number[],
  kernel: readonly number[],
): PaddedWindow {
  const axes = spatial.length;
  const strides = perAxis(operation, "strides", axes, 1);
  const dilations = perAxis(operation, "dilations", axes, 1);
  const spans = kernel.map((taps, axis) => spanOf(taps, dilations[axis] as number));
  const isSame = autoPadOf(operation).startsWith("SAME");
  const isGiven = autoPadOf(operation) === "NOTSET";
  const none = new Array<number>(axes).fill(0);
  let [padsBegin, padsEnd] = isGiven ? padsOf(operation, axes) : [none, none];
  if (isSame) {
    const pads = spatial.map((size, axis) =>
      padAxis(operation, size, spans[axis] as number, strides[axis] as number),
    );
    [padsBegin, padsEnd] = [pads.map(([begin]) => begin), pads.map(([, end]) => end)];
  }
  const roundsUp = isGiven && operation.integer("ceil_mode", 0) === 1;
  const out = spatial.map((size, axis) => {
    const [begin, end] = [padsBegin[axis] as number, padsEnd[axis] as number];
    const [stride, span] = [strides[axis] as number, spans[axis] as number];
    const steps = (size + begin + end - span) / stride;
    const count = (roundsUp ? Math.ceil(steps) : Math.floor(steps)) + 1;
    if (count < 1) throw operation.mismatch(`its window is larger than spatial axis ${axis}`);
    // A window that would start in the padding behind the last element is left out.
    return roundsUp && (count - 1) * stride >= size + begin ? count - 1 : count;
  });
  return { in: spatial, kernel, out, strides, dilations, padsBegin, padsEnd };
}
