/** Comparisons, and what chooses, bounds or converts elements. */
import { equal, less, select } from "../canonical/algebra.js";
import { apply, cast, constant, read, type Term, widen } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { dtypeOf } from "../dtype.js";
import { checked, elementwise, family, floats } from "./elementwise.js";
import type { Operation, Rules } from "./operation.js";
import { castValue } from "./storage.js";

const comparisons: Rules = {
  Equal: family("equal", 2),
  Less: family("less", 2),
  LessOrEqual: family("less_or_equal", 2),
  Greater: elementwise(2, (operation, a, b) => checked(operation, "less", b as Term, a as Term)),
  GreaterOrEqual: elementwise(2, (operation, a, b) =>
    checked(operation, "less_or_equal", b as Term, a as Term),
  ),
  And: family("and", 2),
  Or: family("or", 2),
  Xor: family("xor", 2),
  Not: family("not"),
  IsNaN: family("is_nan"),
  IsInf: floats((x, operation) => {
    const [positive, negative] = ["detect_positive", "detect_negative"].map(
      (name) => operation.integer(name, 1) === 1,
    );
    if (positive && negative) return apply("is_infinite", x);
    const infinity = positive ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    if (!positive && !negative) return less(x, x);
    return equal(x, constant(infinity));
  }),
};

function clip(operation: Operation): readonly Value[] {
  const value = operation.input(0);
  let term = widen(read(value));
  const bound = (index: number, name: string): Term | undefined => {
    const given = operation.optional(index);
    if (given !== undefined) return widen(read(given));
    const attribute = operation.attribute(name);
    return attribute && constant(operation.number(name, 0));
  };
  const [least, most] = [bound(1, "min"), bound(2, "max")];
  if (least !== undefined) term = checked(operation, "maximum", term, least);
  if (most !== undefined) term = checked(operation, "minimum", term, most);
  return [operation.builder.map(value.shape, cast(term, value.dtype))];
}

export const rules: Rules = {
  ...comparisons,
  Clip: clip,
  Where: (operation) => {
    const [condition, a, b] = [0, 1, 2].map((index) => operation.input(index)) as [
      Value,
      Value,
      Value,
    ];
    if (condition.dtype !== "bool" || a.dtype !== b.dtype) {
      throw operation.wrong(
        `cannot choose between ${a.dtype} and ${b.dtype} by ${condition.dtype}`,
      );
    }
    const shape = operation.broadcast(condition.shape, a.shape, b.shape);
    const term = select(read(condition), widen(read(a)), widen(read(b)));
    return [operation.builder.map(shape, cast(term, a.dtype))];
  },
  Cast: (operation) => {
    const number = operation.integer("to", 0);
    const to = dtypeOf(number);
    if (to === undefined) throw operation.unsupported(`casts to element type ${number}`);
    return [castValue(operation, operation.input(0), to)];
  },
  CastLike: (operation) => [castValue(operation, operation.input(0), operation.input(1).dtype)],
};
