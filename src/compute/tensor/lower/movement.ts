/** Operators that move elements: transposed, joined, cut, repeated. */
import { concat, expand, slice, sliceAxis, tile, transpose } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";
import { axesOf } from "./shape.js";

export const rules: Rules = {
  Transpose: (operation) => {
    const value = operation.input(0);
    const backwards = value.shape.map((_, axis) => value.shape.length - 1 - axis);
    const order = operation.integers("perm") ?? backwards;
    const sorted = [...order].sort((a, b) => a - b);
    if (sorted.length !== backwards.length || sorted.some((axis, at) => axis !== at)) {
      throw operation.wrong(`orders ${backwards.length} axes as [${order.join(", ")}]`);
    }
    return [transpose(operation.builder, value, order)];
  },
  Concat: (operation) => {
    const values = operation.every();
    const first = operation.input(0);
    const rank = first.shape.length;
    const axis = operation.axis(operation.integer("axis", 1), rank);
    const rest = ({ shape }: Value) => shape.filter((_, at) => at !== axis).join();
    for (const value of values) {
      if (value.dtype !== first.dtype) {
        throw operation.wrong(`joins ${first.dtype} and ${value.dtype}`);
      }
      if (value.shape.length !== rank || rest(value) !== rest(first)) {
        throw operation.mismatch(`they differ in more than axis ${axis}`);
      }
    }
    return [concat(operation.builder, values, axis)];
  },
  Split: split,
  Slice: (operation) => [sliced(operation)],
  Expand: (operation) => {
    const value = operation.input(0);
    const asked = operation.integersKnown(1);
    return [expand(operation.builder, value, operation.broadcast(value.shape, asked))];
  },
  Tile: (operation) => {
    const value = operation.input(0);
    const repeats = repeatsOf(operation, value.shape.length);
    if (repeats.length !== value.shape.length || repeats.some((count) => count < 0)) {
      throw operation.mismatch(`it repeats [${repeats.join(", ")}] times`);
    }
    return [tile(operation.builder, value, repeats)];
  },
};

function split(operation: Operation): readonly Value[] {
  const { builder } = operation;
  const value = operation.input(0);
  const axis = operation.axis(operation.integer("axis", 0), value.shape.length);
  const length = value.shape[axis] as number;
  const parts = operation.node.outputs.length;
  const given = operation.integers("split");
  const sizes =
    given ??
    (operation.optional(1) === undefined
      ? new Array<number>(parts).fill(length / parts)
      : operation.integersKnown(1));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (sizes.length !== parts || total !== length || sizes.some((size) => !isCount(size))) {
    throw operation.mismatch(`${length} elements cannot become [${sizes.join(", ")}]`);
  }
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return sliceAxis(builder, value, axis, start - size, size);
  });
}

function isCount(size: number): boolean {
  return Number.isInteger(size) && size >= 0;
}

/** Up to operator set 5 one axis and its count. */
function repeatsOf(operation: Operation, rank: number): number[] {
  if (operation.version >= 6) return operation.integersKnown(1);
  const [count = 1] = operation.integersKnown(1);
  const [which = 0] = operation.integersKnown(2);
  const tiled = operation.axis(which, rank);
  return Array.from({ length: rank }, (_, axis) => (axis === tiled ? count : 1));
}

/** Starts and ends are attributes up to operator set 9 and inputs from 10 on. */
function sliced(operation: Operation): Value {
  const value = operation.input(0);
  const rank = value.shape.length;
  const byInput = operation.version >= 10;
  const starts = byInput ? operation.integersKnown(1) : (operation.integers("starts") ?? []);
  const ends = byInput ? operation.integersKnown(2) : (operation.integers("ends") ?? []);
  const axes = axesOf(operation, 3) ?? starts.map((_, axis) => axis);
  const strides = operation.optional(4) === undefined ? undefined : operation.integersKnown(4);
  const steps = strides ?? starts.map(() => 1);
  if ([ends, axes, steps].some((list) => list.length !== starts.length) || steps.includes(0)) {
    throw operation.wrong("does not give each axis its start, end and step");
  }
  const [begin, count, by] = [value.shape.map(() => 0), [...value.shape], value.shape.map(() => 1)];
  const seen = new Set<number>();
  for (const [index, which] of axes.entries()) {
    const axis = operation.axis(which, rank);
    if (seen.has(axis)) throw operation.wrong("names an axis twice");
    seen.add(axis);
    const [start, end, step] = [starts[index], ends[index], steps[index]] as [
      number,
      number,
      number,
    ];
    const range = rangeOf(value.shape[axis] as number, start, end, step);
    begin[axis] = range.start;
    count[axis] = range.count;
    by[axis] = step;
  }
  return slice(operation.builder, value, begin, count, by);
}

/**
 * Negative positions count from the end. All are clamped to the axis, a start to its elements where
 * steps go backwards: that is ONNX's rule, not quite Python's.
 */
function rangeOf(size: number, start: number, end: number, step: number) {
  const clamp = (at: number, least: number, most: number) =>
    Math.min(Math.max(at < 0 ? at + size : at, least), most);
  if (size === 0) return { start: 0, count: 0 };
  const from = clamp(start, 0, step > 0 ? size : size - 1);
  const to = step > 0 ? clamp(end, 0, size) : clamp(end, -1, size - 1);
  return { start: from, count: Math.max(0, Math.ceil((to - from) / step)) };
}
