/** Moving elements: everything here is one `copy`, or no operator at all. */
import { sizeOf } from "../dtype.js";
import type { Builder } from "./builder.js";
import { broadcastStrides } from "./linearise.js";
import type { Value } from "./value.js";

/** A strided view of one tensor, written into another. Offsets and strides count elements. */
export interface Part {
  readonly from: Value;
  readonly shape: readonly number[];
  readonly fromOffset: number;
  readonly fromStrides: readonly number[];
  readonly toOffset: number;
  readonly toStrides: readonly number[];
}

/** Bits of the element that lies where no part writes. */
export type Fill = bigint | undefined;

/** `fill` is needed unless the parts cover the result. */
export function copy(
  builder: Builder,
  shape: readonly number[],
  parts: readonly Part[],
  fill: Fill = undefined,
): Value {
  const dtype = (parts[0] as Part).from.dtype;
  const words: (number | bigint)[] = [fill === undefined ? 0 : 1, fill ?? 0];
  for (const part of parts) {
    // An axis of one element is none: nobody takes a step along it, however long that would be.
    const axes = [...part.shape.keys()].filter((axis) => part.shape[axis] !== 1);
    const along = (numbers: readonly number[]) => axes.map((axis) => numbers[axis] as number);
    words.push(axes.length, part.fromOffset, part.toOffset, ...along(part.shape));
    words.push(...along(part.fromStrides), ...along(part.toStrides));
  }
  const reads = parts.map((part) => part.from);
  return builder.emit("copy", reads, [{ dtype, shape }], words)[0] as Value;
}

/** Row-major, in elements. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (const size of [...shape].reverse()) {
    strides.unshift(stride);
    stride *= size;
  }
  return strides;
}

/** Whether these strides see a tensor of that shape as it lies, one element behind the other. */
export function isDense(strides: readonly number[], shape: readonly number[]): boolean {
  const dense = denseStrides(shape);
  return strides.every((stride, axis) => shape[axis] === 1 || stride === dense[axis]);
}

/** A strided view of a tensor, as a tensor of its own. */
export function view(
  builder: Builder,
  from: Value,
  shape: readonly number[],
  fromOffset: number,
  fromStrides: readonly number[],
): Value {
  const toStrides = denseStrides(shape);
  return copy(builder, shape, [{ from, shape, fromOffset, fromStrides, toOffset: 0, toStrides }]);
}

/** Axis i of the result is axis `order[i]` of the value. */
export function transpose(builder: Builder, value: Value, order: readonly number[]): Value {
  const shape = order.map((axis) => value.shape[axis] as number);
  const moved = order.filter((axis) => value.shape[axis] !== 1);
  if (moved.every((axis, index) => index === 0 || axis > (moved[index - 1] as number))) {
    return builder.reshape(value, shape);
  }
  const strides = denseStrides(value.shape);
  return view(
    builder,
    value,
    shape,
    0,
    order.map((axis) => strides[axis] as number),
  );
}

/** With the axis brought to the end, and every result's last axis brought back. */
export function alongLast(
  builder: Builder,
  value: Value,
  axis: number,
  compute: (value: Value) => readonly Value[],
): Value[] {
  const rest = value.shape.map((_, at) => at).filter((at) => at !== axis);
  const back = value.shape.map((_, at) => (at === axis ? rest.length : rest.indexOf(at)));
  const results = compute(transpose(builder, value, [...rest, axis]));
  return results.map((result) => transpose(builder, result, back));
}

/** `counts` elements of each axis from `starts` on, `steps` apart (negative: backwards). */
export function slice(
  builder: Builder,
  value: Value,
  starts: readonly number[],
  counts: readonly number[],
  steps: readonly number[],
): Value {
  const strides = denseStrides(value.shape);
  if (
    counts.join() === value.shape.join() &&
    steps.every((step, axis) => step === 1 || (counts[axis] as number) <= 1)
  ) {
    return value;
  }
  const empty = counts.includes(0);
  const offset = starts.reduce((sum, start, axis) => sum + start * (strides[axis] as number), 0);
  return view(
    builder,
    value,
    counts,
    empty ? 0 : offset,
    // Where nothing is taken the step means nothing, and may be any number.
    strides.map((stride, axis) => (counts[axis] === 0 ? 0 : stride * (steps[axis] as number))),
  );
}

/** Axis by axis `count` elements from `start` on. */
export function sliceAxis(
  builder: Builder,
  value: Value,
  axis: number,
  start: number,
  count: number,
): Value {
  const starts = value.shape.map((_, at) => (at === axis ? start : 0));
  const counts = value.shape.map((size, at) => (at === axis ? count : size));
  return slice(
    builder,
    value,
    starts,
    counts,
    value.shape.map(() => 1),
  );
}

/** Repeats axes of size 1, and adds leading ones. */
export function expand(builder: Builder, value: Value, shape: readonly number[]): Value {
  if (sizeOf(shape) === sizeOf(value.shape)) return builder.reshape(value, shape);
  return view(builder, value, shape, 0, broadcastStrides(value.shape, shape));
}

/** Of one copy; each is an operand. */
const partsMax = 512;

export function concat(builder: Builder, values: readonly Value[], axis: number): Value {
  const first = values[0] as Value;
  if (values.length === 1) return first;
  if (values.length > partsMax) {
    const groups = Array.from({ length: Math.ceil(values.length / partsMax) }, (_, group) =>
      concat(builder, values.slice(group * partsMax, (group + 1) * partsMax), axis),
    );
    return concat(builder, groups, axis);
  }
  const sizes = values.map((value) => value.shape[axis] as number);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const shape = first.shape.map((size, at) => (at === axis ? total : size));
  const toStrides = denseStrides(shape);
  let at = 0;
  const parts = values.map((from, index): Part => {
    const toOffset = at * (toStrides[axis] as number);
    at += sizes[index] as number;
    const fromStrides = denseStrides(from.shape);
    return { from, shape: from.shape, fromOffset: 0, fromStrides, toOffset, toStrides };
  });
  return copy(builder, shape, parts);
}

/** Constant padding; negative sizes crop. `steps` puts so many elements' room between neighbours. */
export function pad(
  builder: Builder,
  value: Value,
  begins: readonly number[],
  ends: readonly number[],
  fill: bigint,
  steps: readonly number[] = value.shape.map(() => 1),
): Value {
  const spread = value.shape.map((size, axis) =>
    size === 0 ? 0 : (size - 1) * (steps[axis] as number) + 1,
  );
  const shape = spread.map((size, axis) =>
    Math.max(0, size + (begins[axis] as number) + (ends[axis] as number)),
  );
  if (shape.join() === value.shape.join() && begins.every((begin) => begin === 0)) return value;
  const first: number[] = []; // of each axis of the value, the first element that stays
  const counts: number[] = [];
  for (const [axis, size] of value.shape.entries()) {
    const [begin, step] = [begins[axis] as number, steps[axis] as number];
    const start = begin >= 0 ? 0 : Math.ceil(-begin / step);
    const room = (shape[axis] as number) - 1 - begin;
    first.push(start);
    counts.push(Math.max(0, Math.min(size - 1, Math.floor(room / step)) - start + 1));
  }
  const strides = denseStrides(value.shape);
  const targets = denseStrides(shape);
  const empty = counts.includes(0);
  const sum = (terms: number[]) => (empty ? 0 : terms.reduce((total, term) => total + term, 0));
  const part: Part = {
    from: value,
    shape: counts,
    fromOffset: sum(first.map((start, axis) => start * (strides[axis] as number))),
    fromStrides: strides,
    toOffset: sum(
      first.map(
        (start, axis) =>
          (start * (steps[axis] as number) + (begins[axis] as number)) * (targets[axis] as number),
      ),
    ),
    toStrides: targets.map((target, axis) => target * (steps[axis] as number)),
  };
  return copy(builder, shape, [part], fill);
}

/** Each axis so many times, one after another. */
export function tile(builder: Builder, value: Value, repeats: readonly number[]): Value {
  let tiled = value;
  for (let axis = value.shape.length - 1; axis >= 0; axis -= 1) {
    const count = repeats[axis] as number;
    if (count === 1) continue;
    const shape = tiled.shape.map((size, at) => (at === axis ? size * count : size));
    const [outer, rest] = [sizeOf(shape.slice(0, axis)), sizeOf(tiled.shape.slice(axis))];
    const once = builder.reshape(tiled, [outer, 1, rest]);
    tiled = builder.reshape(expand(builder, once, [outer, count, rest]), shape);
  }
  return tiled;
}

/** Of `axis` the elements at positions that are known while compiling, run by run. */
export function pick(
  builder: Builder,
  value: Value,
  axis: number,
  positions: readonly number[],
): Value {
  const shape = value.shape.map((size, at) => (at === axis ? positions.length : size));
  const [strides, toStrides] = [denseStrides(value.shape), denseStrides(shape)];
  const [stride, toStride] = [strides[axis] as number, toStrides[axis] as number];
  const parts: Part[] = [];
  for (let at = 0; at < positions.length; ) {
    const start = positions[at] as number;
    const step = (positions[at + 1] ?? start) - start;
    let count = 1;
    while (positions[at + count] === start + count * step) count += 1;
    parts.push({
      from: value,
      shape: shape.map((size, along) => (along === axis ? count : size)),
      fromOffset: start * stride,
      fromStrides: strides.map((of, along) => (along === axis ? step * stride : of)),
      toOffset: at * toStride,
      toStrides,
    });
    at += count;
  }
  return copy(builder, shape, parts);
}
