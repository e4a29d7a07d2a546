/** Operators that only look at shapes, or see the same elements in another one. */
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = {
  Identity: (operation) => [operation.input(0)],
  Shape: (operation) => {
    const { shape } = operation.input(0);
    const [start, end] = [operation.integer("start", 0), operation.integer("end", shape.length)];
    return [operation.builder.integers(shape.slice(start, end))];
  },
  Size: (operation) => [operation.builder.integers([sizeOf(operation.input(0).shape)], [])],
  Reshape: (operation) => [reshape(operation)],
  Flatten: (operation) => {
    const value = operation.input(0);
    const rank = value.shape.length;
    const axis = operation.integer("axis", 1);
    const at = axis === rank ? rank : operation.axis(axis, rank);
    const shape = [sizeOf(value.shape.slice(0, at)), sizeOf(value.shape.slice(at))];
    return [operation.builder.reshape(value, shape)];
  },
  Squeeze: (operation) => {
    const value = operation.input(0);
    const rank = value.shape.length;
    const given = axesOf(operation);
    const axes = given && operation.axes(given, rank);
    const gone = (size: number, axis: number) => (axes ? axes.includes(axis) : size === 1);
    if (axes?.some((axis) => value.shape[axis] !== 1)) {
      throw operation.mismatch("only axes of size 1 can be left out");
    }
    return [
      operation.builder.reshape(
        value,
        value.shape.filter((size, at) => !gone(size, at)),
      ),
    ];
  },
  Unsqueeze: (operation) => {
    const value = operation.input(0);
    const given = axesOf(operation) ?? [];
    const rank = value.shape.length + given.length;
    const axes = operation.axes(given, rank);
    if (axes.length !== given.length) throw operation.wrong("names an axis twice");
    const rest = [...value.shape];
    const shape = Array.from({ length: rank }, (_, axis) =>
      axes.includes(axis) ? 1 : (rest.shift() as number),
    );
    return [operation.builder.reshape(value, shape)];
  },
};

/** Axes are an attribute up to operator set 12 and an input from 13 on. */
export function axesOf(operation: Operation, index = 1): number[] | undefined {
  const given = operation.integers("axes");
  if (given !== undefined) return given;
  return operation.optional(index) === undefined ? undefined : operation.integersKnown(index);
}

function reshape(operation: Operation): Value {
  const { builder } = operation;
  const value = operation.input(0);
  const asked = operation.integers("shape") ?? operation.integersKnown(1);
  const keepsZero = operation.integer("allowzero", 0) === 1;
  const shape = asked.map((size, axis) =>
    size === 0 && !keepsZero ? (value.shape[axis] ?? -2) : size,
  );
  const open = shape.indexOf(-1);
  if (open >= 0) {
    const rest = sizeOf(shape.filter((_, axis) => axis !== open));
    shape[open] = rest === 0 ? 0 : sizeOf(value.shape) / rest;
  }
  if (shape.some((size) => !Number.isInteger(size) || size < 0)) {
    throw operation.mismatch(`it asks for the shape [${asked.join(", ")}]`);
  }
  if (sizeOf(shape) !== sizeOf(value.shape)) {
    throw operation.mismatch(`they cannot take the shape [${shape.join(", ")}]`);
  }
  return builder.reshape(value, shape);
}
