/** Operators that follow indices. */
import { less, select, subtract } from "../canonical/algebra.js";
import {
  gather,
  gatherElements,
  gatherNd,
  type Scattering,
  scatterElements,
  scatterNd,
} from "../canonical/indexing.js";
import { transpose } from "../canonical/layout.js";
import { cast, constant, read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = {
  Gather: (operation) => {
    const value = operation.input(0);
    const axis = operation.axis(operation.integer("axis", 0), value.shape.length);
    return [gather(operation.builder, value, indicesOf(operation), axis)];
  },
  GatherElements: (operation) => {
    const value = operation.input(0);
    const indices = indicesOf(operation);
    const axis = operation.axis(operation.integer("axis", 0), value.shape.length);
    checkCovered(operation, axis);
    return [gatherElements(operation.builder, value, indices, axis)];
  },
  GatherND: (operation) => {
    const value = operation.input(0);
    const indices = indicesOf(operation);
    const batchAxes = operation.integer("batch_dims", 0);
    const depth = indices.shape.at(-1);
    const leading = (of: Value) => of.shape.slice(0, batchAxes).join();
    if (
      batchAxes < 0 ||
      batchAxes >= indices.shape.length ||
      leading(value) !== leading(indices) ||
      !isDepth(depth, value.shape.length - batchAxes)
    ) {
      throw operation.mismatch(`positions of ${depth} axes behind ${batchAxes} in common`);
    }
    return [gatherNd(operation.builder, value, indices, batchAxes)];
  },
  Scatter: scatter,
  ScatterElements: scatter,
  ScatterND: (operation) => {
    const [value, indices, updates] = [
      operation.input(0),
      indicesOf(operation),
      updatesOf(operation),
    ];
    const depth = indices.shape.at(-1);
    if (!isDepth(depth, value.shape.length)) throw operation.mismatch(`positions of ${depth} axes`);
    const expected = [...indices.shape.slice(0, -1), ...value.shape.slice(depth)];
    if (updates.shape.join() !== expected.join()) {
      throw operation.mismatch(`the updates have to be [${expected.join(", ")}]`);
    }
    return [scatterNd(operation.builder, [value, indices, updates], functionOf(operation))];
  },
  ReverseSequence: (operation) => [reverseSequence(operation)],
};

function indicesOf(operation: Operation): Value {
  return operation.typed(1, "int64", "int32");
}

function isDepth(depth: number | undefined, axes: number): depth is number {
  return depth !== undefined && depth >= 1 && depth <= axes;
}

/** Along every axis but one, an index stands for its own position, which the data must have. */
function checkCovered(operation: Operation, axis: number): void {
  const [value, indices] = [operation.input(0), operation.input(1)];
  const isCovered = (size: number, at: number) =>
    at === axis || size <= (value.shape[at] as number);
  if (indices.shape.length !== value.shape.length || !indices.shape.every(isCovered)) {
    throw operation.mismatch(`the indices reach beyond the data in another axis than ${axis}`);
  }
}

function scatter(operation: Operation): readonly Value[] {
  const [value, indices, updates] = [
    operation.input(0),
    indicesOf(operation),
    updatesOf(operation),
  ];
  const axis = operation.axis(operation.integer("axis", 0), value.shape.length);
  checkCovered(operation, axis);
  if (updates.shape.join() !== indices.shape.join()) {
    throw operation.mismatch("each index needs one update");
  }
  const how = functionOf(operation);
  return [scatterElements(operation.builder, [value, indices, updates], how, axis)];
}

function updatesOf(operation: Operation): Value {
  return operation.typed(2, operation.input(0).dtype);
}

const functionsByName: ReadonlyMap<string, Scattering> = new Map([
  ["none", "set"],
  ["add", "add"],
  ["mul", "multiply"],
  ["max", "maximum"],
  ["min", "minimum"],
]);

function functionOf(operation: Operation): Scattering {
  const name = operation.text("reduction", "none");
  const how = functionsByName.get(name);
  if (how === undefined) throw operation.unsupported(`has the reduction ${name}`);
  if (how !== "set") operation.typed(0, "float32", "int64", "int32");
  return how;
}

/** Of each sequence the leading elements are read from their end; the others stay where they are. */
function reverseSequence(operation: Operation): Value {
  const { builder } = operation;
  const value = operation.input(0);
  const lengths = operation.typed(1, "int64", "int32");
  const timeAxis = operation.integer("time_axis", 0);
  if (timeAxis + operation.integer("batch_axis", 1) !== 1 || value.shape.length < 2) {
    throw operation.wrong("needs a time axis and a batch axis, which are 0 and 1");
  }
  const swapped = value.shape.map((_, axis) => (axis < 2 ? 1 - axis : axis));
  const byBatch = timeAxis === 1 ? value : transpose(builder, value, swapped);
  const [batch, times] = byBatch.shape as [number, number];
  if (lengths.shape.join() !== `${batch}`) throw operation.mismatch("each sequence needs a length");
  const length = cast(read(builder.reshape(lengths, [batch, 1])), "int64");
  const time = read(builder.integers(operation.upTo(times)));
  const last = subtract(length, constant(1, "int64"));
  const from = select(less(time, length), subtract(last, time), time);
  const indices = builder.reshape(builder.map([batch, times], from), [batch, times, 1]);
  const reversed = gatherNd(builder, byBatch, indices, 1);
  return timeAxis === 1 ? reversed : transpose(builder, reversed, swapped);
}
