/** Softmax and what is like it: each element judged among those along one axis. */
import { equal } from "../canonical/algebra.js";
import { reduce, softmax } from "../canonical/arithmetic.js";
import { alongLast } from "../canonical/layout.js";
import { cast, read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rule, Rules } from "./operation.js";
import { onHalves } from "./storage.js";

/** Before operator set 13 all axes from the named one on were one. */
function alongAxis(compute: (operation: Operation, value: Value, axis: number) => Value): Rule {
  return (operation) => {
    const { builder } = operation;
    const value = operation.float(0);
    const { shape } = value;
    const axis = operation.axis(
      operation.integer("axis", operation.version < 13 ? 1 : -1),
      shape.length,
    );
    if (operation.version >= 13) return [compute(operation, value, axis)];
    const flat = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))];
    const result = compute(operation, builder.reshape(value, flat), 1);
    return [builder.reshape(result, shape)];
  };
}

/** Over `axis`, which is brought to the end and back. */
export function softmaxAlong(
  { builder }: Operation,
  value: Value,
  axis: number,
  logarithm: boolean,
): Value {
  return alongLast(builder, value, axis, (rows) => [softmax(builder, rows, logarithm)])[0] as Value;
}

/** 1 at the first of the greatest elements, else 0. */
function hardmax(operation: Operation, value: Value, axis: number): Value {
  const { builder } = operation;
  const length = value.shape[axis] as number;
  if (sizeOf(value.shape) === 0) return value;
  const first = reduce(builder, value, "firstMaximum", [axis], true);
  const positions = builder.integers(
    operation.upTo(length),
    value.shape.slice(axis).map((_, at) => (at === 0 ? length : 1)),
  );
  const isFirst = equal(read(first), read(positions));
  return builder.map(value.shape, cast(isFirst, "float32"));
}

export const rules: Rules = onHalves({
  Softmax: alongAxis((operation, value, axis) => softmaxAlong(operation, value, axis, false)),
  LogSoftmax: alongAxis((operation, value, axis) => softmaxAlong(operation, value, axis, true)),
  Hardmax: alongAxis(hardmax),
});
