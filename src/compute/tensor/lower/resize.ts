/** Resize and Upsample: axis after axis, elements of the input mixed with weights known beforehand. */
import { add, multiply, select } from "../canonical/algebra.js";
import { take } from "../canonical/indexing.js";
import { expand } from "../canonical/layout.js";
import { constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";
import {
  type AxisTaps,
  axisTaps,
  nearestNames,
  type ResizedAxis,
  type Sampling,
  transformNames,
} from "./resize-axis.js";
import { onHalves } from "./storage.js";

const modes = ["nearest", "linear", "cubic"] as const;

function samplingOf(operation: Operation): Sampling {
  const asked = operation.text("mode", "nearest");
  const mode = modes.find((name) => name === asked);
  if (mode === undefined) throw operation.wrong(`has mode = ${asked}`);
  const isOld = operation.version < 11;
  const name = "coordinate_transformation_mode";
  const transform = isOld ? "asymmetric" : operation.text(name, "half_pixel");
  const nearest = isOld ? "simple" : operation.text("nearest_mode", "round_prefer_floor");
  if (!transformNames.includes(transform)) throw operation.wrong(`has ${name} = ${transform}`);
  if (!nearestNames.includes(nearest)) throw operation.wrong(`has nearest_mode = ${nearest}`);
  return {
    mode,
    transform,
    nearest,
    cubicA: operation.number("cubic_coeff_a", -0.75),
    excludesOutside: operation.integer("exclude_outside", 0) === 1,
  };
}

/** Numbers of an input that may be left out or empty. */
function numbersAt(operation: Operation, index: number): readonly number[] | undefined {
  if (operation.optional(index) === undefined) return undefined;
  const numbers = operation.elementsKnown(index).map(Number);
  return numbers.length === 0 ? undefined : numbers;
}

/** Scales and sizes: one of them is given, for each axis. */
function extentOf(operation: Operation) {
  if (operation.version < 9) return { scales: operation.numbers("scales") };
  if (operation.version < 11) return { scales: numbersAt(operation, 1) };
  return { scales: numbersAt(operation, 2), sizes: numbersAt(operation, 3) };
}

function resizedAxes(operation: Operation, shape: readonly number[]): ResizedAxis[] {
  const { scales, sizes } = extentOf(operation);
  const given = sizes ?? scales;
  if (given === undefined) throw operation.wrong("has neither scales nor sizes");
  if (given.length !== shape.length) {
    throw operation.mismatch(`${given.length} sizes or scales for ${shape.length} axes`);
  }
  const crops = operation.text("coordinate_transformation_mode", "") === "tf_crop_and_resize";
  const regions = crops ? (numbersAt(operation, 1) ?? []) : [];
  if (crops && regions.length !== shape.length * 2) throw operation.wrong("has no whole region");
  return shape.map((size, axis) => {
    const [start = 0, end = 1] = crops ? [regions[axis], regions[axis + shape.length]] : [];
    const scale =
      sizes === undefined ? (given[axis] as number) : Math.fround((given[axis] as number) / size);
    const seen = Math.fround(size * Math.fround(end - start));
    const length = sizes === undefined ? Math.fround(seen * scale) : (given[axis] as number);
    const out = Math.floor(length);
    if (
      !Number.isSafeInteger(out) ||
      out < 0 ||
      (size === 0 && out > 0) ||
      !(scale > 0 || out === 0)
    ) {
      throw operation.mismatch(`axis ${axis} cannot become ${out} long`);
    }
    return { size, out, length, scale, region: [start, end] };
  });
}

/** How many times each element is repeated, where that is all that happens. */
function repeats({ indices }: { readonly indices: readonly number[] }, size: number) {
  const times = indices.length / size;
  const isRepeat = indices.every((index, position) => index === Math.floor(position / times));
  return Number.isInteger(times) && isRepeat ? times : undefined;
}

/** An axis that keeps its size and is seen whole keeps its elements, whatever the transform says. */
function isKept({ size, out, scale, region: [start, end] }: ResizedAxis): boolean {
  return out === size && scale === 1 && start === 0 && end === 1;
}

/** The sum of the taps in their order, each multiplied by its weight. */
function resizeAxis({ builder }: Operation, value: Value, axis: number, { taps }: AxisTaps): Value {
  const size = value.shape[axis] as number;
  const [only] = taps;
  if (taps.length === 1 && only !== undefined) {
    const times = repeats(only, size);
    if (times === undefined) return take(builder, value, only.indices, axis);
    const [before, after] = [value.shape.slice(0, axis), value.shape.slice(axis + 1)];
    const [elements, inner] = [sizeOf(before) * size, sizeOf(after)];
    const once = builder.reshape(value, [elements, 1, inner]);
    const repeated = expand(builder, once, [elements, times, inner]);
    return builder.reshape(repeated, [...before, size * times, ...after]);
  }
  const shape = value.shape.map((of, at) => (at === axis ? (only?.indices.length ?? 0) : of));
  const along = value.shape.slice(axis).map((_, at) => (at === 0 ? (shape[axis] as number) : 1));
  const terms = taps.map(({ indices, weights }): Term => {
    const element = read(take(builder, value, indices, axis));
    return multiply(element, read(builder.floats(weights, along)));
  });
  return builder.map(
    shape,
    terms.reduce((sum, term) => add(sum, term)),
  );
}

/** Positions outside the input hold a number that the model gives. */
function extrapolated(
  operation: Operation,
  value: Value,
  all: readonly (AxisTaps | undefined)[],
): Value {
  const { builder } = operation;
  const otherwise = constant(operation.number("extrapolation_value", 0));
  let term = read(value);
  for (const [axis, taps] of all.entries()) {
    if (taps === undefined || !taps.isOutside.includes(true)) continue;
    const along = value.shape.slice(axis).map((size, at) => (at === 0 ? size : 1));
    const mask = builder.constant("bool", along, Uint8Array.from(taps.isOutside, Number));
    term = select(read(mask), otherwise, term);
  }
  return builder.map(value.shape, term);
}

function resize(operation: Operation): Value {
  const sampling = samplingOf(operation);
  const given = operation.input(0);
  if (sampling.mode !== "nearest") operation.float(0);
  const axes = resizedAxes(operation, given.shape);
  const all = axes.map((axis) =>
    isKept(axis) ? undefined : axisTaps(operation.upTo(axis.out), axis, sampling),
  );
  let value = given;
  for (const [axis, taps] of all.entries()) {
    if (taps !== undefined) value = resizeAxis(operation, value, axis, taps);
  }
  if (!all.some((taps) => taps?.isOutside.includes(true))) return value;
  operation.float(0);
  return extrapolated(operation, value, all);
}

export const rules: Rules = onHalves({
  Resize: (operation) => [resize(operation)],
  Upsample: (operation) => {
    if (operation.version < 7) {
      throw operation.unsupported("is experimental before operator set 7");
    }
    return [resize(operation)];
  },
});
