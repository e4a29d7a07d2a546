/** Reductions over any axes, places of extremes, and cumulative sums. */
import { add, equal, select, subtract } from "../canonical/algebra.js";
import { mean, type Reduction, reduce } from "../canonical/arithmetic.js";
import { apply, cast, constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rule, Rules } from "./operation.js";
import { axesOf } from "./shape.js";
import { castValue, onHalves } from "./storage.js";

type Reduce = (operation: Operation, value: Value, axes: readonly number[], keep: boolean) => Value;

/** Axes in ascending order; undefined where the operator asks to reduce nothing. */
function axesReduced(operation: Operation, rank: number): number[] | undefined {
  const given = axesOf(operation) ?? [];
  if (given.length > 0) return operation.axes(given, rank);
  const reducesNothing = operation.integer("noop_with_empty_axes", 0) === 1;
  return reducesNothing ? undefined : Array.from({ length: rank }, (_, axis) => axis);
}

function over(compute: Reduce): Rule {
  return (operation) => {
    const value = operation.input(0);
    const axes = axesReduced(operation, value.shape.length);
    if (axes === undefined) return [value];
    return [compute(operation, value, axes, operation.integer("keepdims", 1) === 1)];
  };
}

const numbers = ["float32", "int64", "int32"] as const;

function plain(which: Reduction): Reduce {
  return (operation, value, axes, keep) => {
    operation.typed(0, ...numbers);
    return reduce(operation.builder, value, which, axes, keep);
  };
}

/** One function before the reduction, and one after it. */
function between(
  before: (x: Term) => Term,
  which: Reduction,
  after: (x: Term) => Term,
  types: readonly (typeof numbers)[number][] = ["float32"],
): Reduce {
  return (operation, value, axes, keep) => {
    operation.typed(0, ...types);
    const { builder } = operation;
    const first = builder.map(value.shape, before(read(value)));
    const total = reduce(builder, first, which, axes, keep);
    return builder.map(total.shape, after(read(total)));
  };
}

const same = (x: Term) => x;

/** log of the sum of e^(x - m), plus m, the greatest x where that is a number; else 0. */
const logSumExp: Reduce = (operation, value, axes, keep) => {
  const { builder } = operation;
  operation.float(0);
  const greatest = reduce(builder, value, "maximum", axes, true);
  const isInfinite = apply("is_infinite", read(greatest));
  const chosen = select(isInfinite, constant(0), read(greatest));
  const shift = builder.map(greatest.shape, chosen);
  const raised = apply("exp", subtract(read(value), read(shift)));
  const total = reduce(builder, builder.map(value.shape, raised), "sum", axes, keep);
  const back = read(builder.reshape(shift, total.shape));
  return builder.map(total.shape, add(apply("log", read(total)), back));
};

/** 8-bit integers are compared as the 32-bit ones that they are. */
function extreme(which: Reduction): Reduce {
  return (operation, value, axes, keep) => {
    const { dtype } = operation.typed(0, ...numbers, "uint8", "int8");
    const isByte = dtype === "uint8" || dtype === "int8";
    const wide = isByte ? castValue(operation, value, "int32") : value;
    return castValue(operation, reduce(operation.builder, wide, which, axes, keep), dtype);
  };
}

const reductions: Rules = {
  ReduceSum: over(plain("sum")),
  ReduceProd: over(plain("product")),
  ReduceSumSquare: over(plain("sumOfSquares")),
  ReduceMax: over(extreme("maximum")),
  ReduceMin: over(extreme("minimum")),
  ReduceMean: over((operation, value, axes, keep) => {
    operation.typed(0, ...numbers);
    return mean(operation.builder, value, axes, keep);
  }),
  ReduceL1: over(between((x) => apply("absolute", x), "sum", same, numbers)),
  ReduceL2: over(between(same, "sumOfSquares", (x) => apply("sqrt", x))),
  ReduceLogSum: over(between(same, "sum", (x) => apply("log", x))),
  ReduceLogSumExp: over(logSumExp),
};

/** Where the first or the last of the greatest or least elements stands. */
function place(extreme: "maximum" | "minimum", first: Reduction, last: Reduction): Rule {
  return (operation) => {
    const { builder } = operation;
    const value = operation.typed(0, ...numbers, "uint8", "int8");
    const axis = operation.axis(operation.integer("axis", 0), value.shape.length);
    if (value.shape[axis] === 0) throw operation.mismatch("an empty axis has no extreme");
    const isLast = operation.integer("select_last_index", 0) === 1;
    const keep = operation.integer("keepdims", 1) === 1;
    if (value.dtype !== "int32" && value.dtype !== "int64") {
      const floats = castValue(operation, value, "float32");
      return [reduce(builder, floats, isLast ? last : first, [axis], keep)];
    }
    // Not every integer is a binary32, but whether it is the extreme is.
    const most = reduce(builder, value, extreme, [axis], true);
    const isMost = cast(equal(read(value), read(most)), "float32");
    const marks = builder.map(value.shape, isMost);
    return [reduce(builder, marks, isLast ? "lastMaximum" : "firstMaximum", [axis], keep)];
  };
}

function cumulativeSum(operation: Operation): readonly Value[] {
  const value = operation.typed(0, ...numbers);
  const { shape, dtype } = value;
  const [given = 0] = operation.integersKnown(1);
  const axis = operation.axis(given, shape.length);
  const [outer, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
  const flags = [operation.flag("exclusive", 0), operation.flag("reverse", 0)];
  const words = [outer, shape[axis] as number, inner, ...flags];
  return operation.builder.emit("scan", [value], [{ dtype, shape }], words);
}

export const rules: Rules = onHalves({
  ...reductions,
  ArgMax: place("maximum", "firstMaximum", "lastMaximum"),
  ArgMin: place("minimum", "firstMinimum", "lastMinimum"),
  CumSum: cumulativeSum,
});
