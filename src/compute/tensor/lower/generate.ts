/** Operators that make tensors from little: constants, ranges, diagonals, windows. */
import {
  add,
  divide,
  equal,
  less,
  lessOrEqual,
  multiply,
  select,
  subtract,
} from "../canonical/algebra.js";
import type { Element } from "../canonical/elements.js";
import { expand, sliceAxis } from "../canonical/layout.js";
import { apply, cast, computeType, constant, read, type Term, widen } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { type DType, dtypeOf } from "../dtype.js";
import type { Operation, Rule, Rules } from "./operation.js";

export const rules: Rules = {
  Constant: (operation) => [constantOf(operation)],
  ConstantOfShape: (operation) => {
    const { builder } = operation;
    const given = operation.tensor("value");
    const value = given
      ? builder.constant(given.dtype, given.shape, given.bytes)
      : builder.floats([0]);
    const shape = operation.integersKnown(0);
    if (shape.some((size) => size < 0)) throw operation.wrong(`fills [${shape.join(", ")}]`);
    return [expand(builder, builder.reshape(value, [1]), shape)];
  },
  Range: (operation) => [range(operation)],
  EyeLike: (operation) => {
    const { dtype, shape } = operation.input(0);
    if (shape.length !== 2) throw operation.mismatch("only a matrix has a diagonal");
    const { row, column } = places(operation, shape);
    const onDiagonal = equal(add(row, whole(operation.integer("k", 0))), column);
    return [operation.builder.map(shape, cast(onDiagonal, typeAsked(operation, "dtype", dtype)))];
  },
  Trilu: (operation) => {
    const value = operation.input(0);
    if (value.shape.length < 2) throw operation.mismatch("only matrices have triangles");
    const { row, column } = places(operation, value.shape);
    const k = operation.optional(1) === undefined ? whole(0) : scalar(operation, 1);
    const upper = operation.integer("upper", 1) === 1;
    const [low, high] = upper ? [add(row, k), column] : [column, add(row, k)];
    const element = widen(read(value));
    const zero = constant(0, computeType(value.dtype));
    const kept = select(lessOrEqual(low, high), element, zero);
    return [operation.builder.map(value.shape, cast(kept, value.dtype))];
  },
  OneHot: (operation) => [oneHot(operation)],
  HannWindow: window([0.5, -0.5, 0]),
  HammingWindow: window([25 / 46, -21 / 46, 0]),
  BlackmanWindow: window([0.42, -0.5, 0.08]),
  MelWeightMatrix: (operation) => [melWeights(operation)],
};

const whole = (number: number) => constant(number, "int64");

/** A single element as an int64, wherever it comes from. */
function scalar(operation: Operation, index: number): Term {
  const value = operation.typed(index, "int64", "int32");
  return cast(read(operation.builder.reshape(value, [])), "int64");
}

/** The numbers of rows and columns, for every position of a matrix. */
function places(operation: Operation, shape: readonly number[]) {
  const [rows, columns] = shape.slice(-2) as [number, number];
  const row = upTo(operation, rows, [rows, 1]);
  return { row: read(row), column: read(upTo(operation, columns, [columns])) };
}

function upTo(operation: Operation, count: number, shape: readonly number[]): Value {
  return operation.builder.integers(operation.upTo(count), shape);
}

function typeAsked(operation: Operation, name: string, otherwise: DType): DType {
  if (operation.attribute(name) === undefined) return otherwise;
  const number = operation.integer(name, 0);
  const dtype = dtypeOf(number);
  if (dtype === undefined) throw operation.unsupported(`gives element type ${number}`);
  return dtype;
}

function constantOf(operation: Operation): Value {
  const { builder } = operation;
  const tensor = operation.tensor("value");
  if (tensor !== undefined) return builder.constant(tensor.dtype, tensor.shape, tensor.bytes);
  const has = (name: string) => operation.attribute(name) !== undefined;
  if (has("value_float")) return builder.floats([operation.number("value_float", 0)], []);
  if (has("value_floats")) return builder.floats(operation.numbers("value_floats") ?? []);
  const one = operation.attribute("value_int")?.integer;
  if (one !== undefined) return builder.integers([one], []);
  const several = operation.attribute("value_ints")?.integers;
  if (several !== undefined) return builder.integers(several);
  const names = [...operation.node.attributes.keys()].join(", ");
  throw operation.unsupported(`holds no tensor of numbers but ${names || "nothing"}`);
}

function range(operation: Operation): Value {
  const { dtype } = operation.typed(0, "float32", "int64", "int32");
  const [start, limit, delta] = [0, 1, 2].map((index) => {
    const [element] = operation.typed(index, dtype) && operation.elementsKnown(index);
    return element ?? 0;
  }) as [Element, Element, Element];
  if (Number(delta) === 0) throw operation.wrong("has a step of 0");
  const count = Math.max(0, Math.ceil(distance(start, limit) / Number(delta)));
  if (Number.isNaN(count)) throw operation.wrong("has an end that is no number");
  const elements = operation
    .upTo(count)
    .map((index) =>
      typeof start === "bigint"
        ? start + BigInt(index) * BigInt(delta)
        : Math.fround(start + Math.fround(index * Number(delta))),
    );
  return operation.builder.make(dtype, elements);
}

function distance(start: Element, limit: Element): number {
  if (typeof start === "bigint") return Number(BigInt(limit) - start);
  return Number(limit) - start;
}

/** Indices outside the depth are nowhere hot; from operator set 11 on negative ones count from it. */
function oneHot(operation: Operation): Value {
  const { builder } = operation;
  const indices = operation.input(0);
  const rank = indices.shape.length + 1;
  const axis = operation.axis(operation.integer("axis", -1), rank);
  const [depth] = operation.integersKnown(1);
  const values = operation.input(2);
  if (depth === undefined || values.shape.join() !== "2") {
    throw operation.wrong("needs a depth and two values");
  }
  const before = indices.shape.slice(0, axis);
  const after = indices.shape.slice(axis);
  const index = cast(read(builder.reshape(indices, [...before, 1, ...after])), "int64");
  const position = read(upTo(operation, depth, [depth, ...after.map(() => 1)]));
  const isFromEnd = less(index, whole(0));
  const counted =
    operation.version < 11 ? index : select(isFromEnd, add(index, whole(depth)), index);
  const valueAt = (at: number) => widen(read(sliceAxis(builder, values, 0, at, 1)));
  const chosen = select(equal(counted, position), valueAt(1), valueAt(0));
  return builder.map([...before, depth, ...after], cast(chosen, values.dtype));
}

/** a + b · cos(t) + c · cos(2t), t once around the window. */
function window([a, b, c]: readonly [number, number, number]): Rule {
  return (operation) => {
    const { builder } = operation;
    const [size = 0] = operation.integersKnown(0);
    const dtype = typeAsked(operation, "output_datatype", "float32");
    const around = operation.integer("periodic", 1) === 1 ? size : size - 1;
    if (size < 0 || around === 0) throw operation.unsupported(`makes a window of ${size} elements`);
    // Angles in binary64, which every machine computes alike; the cosine is the run's.
    const angle = (times: number) =>
      read(builder.floats(operation.upTo(size).map((at) => (2 * Math.PI * at * times) / around)));
    const first = add(constant(a), multiply(constant(b), apply("cos", angle(1))));
    const term = c === 0 ? first : add(first, multiply(constant(c), apply("cos", angle(2))));
    return [builder.map([size], cast(term, dtype))];
  };
}

/** Triangles over a spectrum whose corners are evenly spaced on the mel scale. */
function melWeights(operation: Operation): Value {
  const { builder } = operation;
  const [bands = 0] = operation.integersKnown(0);
  const [transformLength = 0] = operation.integersKnown(1);
  const dtype = typeAsked(operation, "output_datatype", "float32");
  const bins = Math.floor(transformLength / 2) + 1;
  const one = (index: number) => cast(read(builder.reshape(operation.input(index), [])), "float32");
  const [rate, lowest, highest] = [one(2), one(3), one(4)] as [Term, Term, Term];
  // 2595 · log10(1 + f / 700), and back.
  const scale = constant(2595 / Math.LN10);
  const melOf = (hertz: Term) => multiply(scale, apply("log1p", divide(hertz, constant(700))));
  const step = divide(subtract(melOf(highest), melOf(lowest)), constant(bands + 2));
  const number = cast(read(upTo(operation, bands + 2, [bands + 2])), "float32");
  const mel = add(multiply(number, step), melOf(lowest));
  const hertz = multiply(constant(700), apply("expm1", divide(mel, scale)));
  const bin = apply("floor", divide(multiply(constant(transformLength + 1), hertz), rate));
  const corners = builder.map([bands + 2], bin);
  const corner = (at: number) => read(sliceAxis(builder, corners, 0, at, bands));
  const [left, top, right] = [corner(0), corner(1), corner(2)] as [Term, Term, Term];
  const place = cast(read(upTo(operation, bins, [bins, 1])), "float32");
  // A triangle without a left side is one at its top.
  const rising = select(
    equal(left, top),
    constant(1),
    divide(subtract(place, left), subtract(top, left)),
  );
  const isRising = lessOrEqual(place, top);
  const slope = select(isRising, rising, divide(subtract(right, place), subtract(right, top)));
  const inside = apply(
    "and",
    lessOrEqual(left, place),
    apply("or", less(place, right), equal(place, top)),
  );
  return builder.map([bins, bands], cast(select(inside, slope, constant(0)), dtype));
}
