/**
 * Operators whose result has as many elements as the data say: the input that decides must be known
 * while compiling.
 */
import type { Element } from "../canonical/elements.js";
import { take } from "../canonical/indexing.js";
import { denseStrides } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = {
  Compress: (operation) => {
    const condition = operation.typed(1, "bool");
    const { value, axis } = seen(operation);
    const chosen = operation.integersKnown(1).flatMap((is, at) => (is === 0 ? [] : [at]));
    if (condition.shape.length !== 1 || (chosen.at(-1) ?? -1) >= (value.shape[axis] as number)) {
      throw operation.mismatch(`the condition does not fit axis ${axis}`);
    }
    return [take(operation.builder, value, chosen, axis)];
  },
  NonZero: (operation) => {
    const { shape } = operation.input(0);
    const elements = operation.elementsKnown(0);
    const chosen = elements.flatMap((element, at) => (Number(element) === 0 ? [] : [at]));
    const strides = denseStrides(shape);
    const positions = shape.map((size, axis) =>
      chosen.map((at) => Math.floor(at / (strides[axis] as number)) % size),
    );
    return [operation.builder.integers(positions.flat(), [shape.length, chosen.length])];
  },
  Unique: unique,
};

/** Without an axis the value is seen as one row. */
function seen(operation: Operation): { readonly value: Value; readonly axis: number } {
  const value = operation.input(0);
  if (operation.attribute("axis") === undefined) {
    return { value: operation.builder.reshape(value, [sizeOf(value.shape)]), axis: 0 };
  }
  return { value, axis: operation.axis(operation.integer("axis", 0), value.shape.length) };
}

/** Results: each slice once, where it comes first, which of them each slice is, and how often. */
function unique(operation: Operation): readonly Value[] {
  const { builder } = operation;
  const { value, axis } = seen(operation);
  const slices = slicesOf(operation.elementsKnown(0), value.shape, axis);
  const byOrder = slices.map((slice, at) => ({ slice, at }));
  byOrder.sort((a, b) => compareSlices(a.slice, b.slice) || a.at - b.at);
  const groups: number[][] = [];
  for (const [place, { slice, at }] of byOrder.entries()) {
    const before = byOrder[place - 1];
    if (before !== undefined && compareSlices(before.slice, slice) === 0) groups.at(-1)?.push(at);
    else groups.push([at]);
  }
  const firstOf = (group: readonly number[]) => group[0] as number;
  if (operation.integer("sorted", 1) === 0) groups.sort((a, b) => firstOf(a) - firstOf(b));
  const which = slices.map(() => 0);
  for (const [number, group] of groups.entries()) for (const at of group) which[at] = number;
  const first = groups.map(firstOf);
  return [
    take(builder, value, first, axis),
    builder.integers(first),
    builder.integers(which),
    builder.integers(groups.map((group) => group.length)),
  ];
}

function slicesOf(elements: readonly Element[], shape: readonly number[], axis: number) {
  const slices = Array.from({ length: shape[axis] as number }, (): Element[] => []);
  const stride = denseStrides(shape)[axis] as number;
  for (const [at, element] of elements.entries()) {
    slices[Math.floor(at / stride) % slices.length]?.push(element);
  }
  return slices;
}

/** The first element that differs decides; NaN comes last and equals itself. */
function compareSlices(a: readonly Element[], b: readonly Element[]): number {
  for (const [at, x] of a.entries()) {
    const y = b[at] as Element;
    if (x < y) return -1;
    if (x > y) return 1;
    const [isOpen, isOther] = [Number.isNaN(Number(x)), Number.isNaN(Number(y))];
    if (isOpen !== isOther) return isOpen ? 1 : -1;
  }
  return 0;
}
