/** Elements chosen by indices that are known only when the program runs; it refuses wild ones. */
import { sizeOf } from "../dtype.js";
import type { Builder } from "./builder.js";
import type { Value } from "./value.js";

/** Of `axis` the elements that `indices` name; negative ones count from the end. */
export function gather(builder: Builder, value: Value, indices: Value, axis: number): Value {
  const before = value.shape.slice(0, axis);
  const after = value.shape.slice(axis + 1);
  return builder.emit(
    "gather",
    [value, indices],
    [{ dtype: value.dtype, shape: [...before, ...indices.shape, ...after] }],
    [sizeOf(before), value.shape[axis] as number, sizeOf(after), sizeOf(indices.shape)],
  )[0] as Value;
}

/** `gather` with indices that are known while compiling. */
export function take(
  builder: Builder,
  value: Value,
  indices: readonly number[],
  axis: number,
): Value {
  return gather(builder, value, builder.integers(indices), axis);
}

/** As many axes as the value has: an index replaces its own position along `axis`. */
export function gatherElements(
  builder: Builder,
  value: Value,
  indices: Value,
  axis: number,
): Value {
  const { dtype, shape } = value;
  return builder.emit(
    "gatherElements",
    [value, indices],
    [{ dtype, shape: indices.shape }],
    [axis, shape.length, ...shape, ...indices.shape],
  )[0] as Value;
}

/** The last axis of `indices` names a position in the axes behind the first `batchAxes`. */
export function gatherNd(builder: Builder, value: Value, indices: Value, batchAxes: number): Value {
  const depth = indices.shape.at(-1) as number;
  const tuples = indices.shape.slice(batchAxes, -1);
  const inner = value.shape.slice(batchAxes + depth);
  const dims = value.shape.slice(batchAxes, batchAxes + depth);
  return builder.emit(
    "gatherNd",
    [value, indices],
    [{ dtype: value.dtype, shape: [...indices.shape.slice(0, -1), ...inner] }],
    [sizeOf(value.shape.slice(0, batchAxes)), sizeOf(tuples), depth, sizeOf(inner), ...dims],
  )[0] as Value;
}

/** What becomes of an element and an update for it. Frozen numbers. */
const scatterings = Object.freeze({ set: 0, add: 1, multiply: 2, maximum: 3, minimum: 4 });
export type Scattering = keyof typeof scatterings;

/** Updates are applied in the row-major order of `indices`. */
export function scatterElements(
  builder: Builder,
  [value, indices, updates]: readonly [Value, Value, Value],
  how: Scattering,
  axis: number,
): Value {
  const { dtype, shape } = value;
  return builder.emit(
    "scatterElements",
    [value, indices, updates],
    [{ dtype, shape }],
    [scatterings[how], axis, shape.length, ...shape, ...indices.shape],
  )[0] as Value;
}

/** The last axis of `indices` names a position in the leading axes of the value. */
export function scatterNd(
  builder: Builder,
  [value, indices, updates]: readonly [Value, Value, Value],
  how: Scattering,
): Value {
  const { dtype, shape } = value;
  const depth = indices.shape.at(-1) as number;
  const inner = sizeOf(shape.slice(depth));
  return builder.emit(
    "scatterNd",
    [value, indices, updates],
    [{ dtype, shape }],
    [scatterings[how], sizeOf(indices.shape.slice(0, -1)), depth, inner, ...shape.slice(0, depth)],
  )[0] as Value;
}
