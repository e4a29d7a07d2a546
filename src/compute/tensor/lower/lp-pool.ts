/** LpPool and GlobalLpPool: the p-norm of a window's elements, over parts of the space or all of it. */
import { multiply } from "../canonical/algebra.js";
import { reduce } from "../canonical/arithmetic.js";
import { expand } from "../canonical/layout.js";
import { apply, constant, read, type Term } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { convolution } from "../canonical/window.js";
import type { Operation, Rules } from "./operation.js";
import { spatialAxes, windowAsked } from "./pool.js";
import { onHalves } from "./storage.js";

function exponentOf(operation: Operation): number {
  const p = operation.integer("p", 2);
  if (p < 1) throw operation.wrong(`has p = ${p}`);
  return p;
}

function raised(x: Term, p: number): Term {
  if (p === 1) return apply("absolute", x);
  if (p === 2) return multiply(x, x);
  return apply("power", apply("absolute", x), constant(p));
}

function root(sum: Term, p: number): Term {
  if (p === 1) return sum;
  return p === 2 ? apply("sqrt", sum) : apply("power", sum, constant(1 / p));
}

/** The sum over a window is a convolution of each channel with ones. */
function lpPool(operation: Operation): Value {
  const { builder } = operation;
  const value = operation.float(0);
  const p = exponentOf(operation);
  const window = windowAsked(operation, value);
  const channels = value.shape[1] as number;
  const ones = expand(builder, builder.floats([1]), [channels, 1, ...window.kernel]);
  const powers = builder.map(value.shape, raised(read(value), p));
  const sums = convolution(builder, powers, ones, channels, window);
  return builder.map(sums.shape, root(read(sums), p));
}

export const rules: Rules = onHalves({
  LpPool: (operation) => [lpPool(operation)],
  GlobalLpPool: (operation) => {
    const { builder } = operation;
    const value = operation.float(0);
    const p = exponentOf(operation);
    const powers = p === 2 ? value : builder.map(value.shape, raised(read(value), p));
    const which = p === 2 ? "sumOfSquares" : "sum";
    const sums = reduce(builder, powers, which, spatialAxes(operation, value), true);
    return [builder.map(sums.shape, root(read(sums), p))];
  },
});
