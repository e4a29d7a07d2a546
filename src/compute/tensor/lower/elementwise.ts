/** Elementwise operators: each is an expression over its inputs at one position. */
import {
  apply,
  cast,
  computeType,
  constant,
  hasFunction,
  read,
  type Term,
  widen,
} from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rule, Rules } from "./operation.js";
import { castValue } from "./storage.js";

/** A function of so many operands, computed in the type that holds them. */
export function elementwise(
  count: number,
  compute: (operation: Operation, ...operands: Term[]) => Term,
): Rule {
  return (operation) => {
    const values = aligned(operation, operation.every());
    if (values.length !== count) throw operation.wrong(`needs ${count} inputs`);
    const shape = operation.broadcast(...values.map((value) => value.shape));
    const dtype = (values.at(-1) as Value).dtype;
    const term = compute(operation, ...values.map((value) => widen(read(value))));
    const stored = term.dtype === computeType(dtype) ? cast(term, dtype) : term;
    return [operation.builder.map(shape, stored)];
  };
}

/** Up to operator set 6 the second operand may begin at an axis of the first; a slope is one a channel. */
function aligned(operation: Operation, values: readonly Value[]): readonly Value[] {
  const [first, second] = values;
  if (operation.version >= 7 || first === undefined || second === undefined) return values;
  const isSlope = operation.node.operator === "PRelu" && second.shape.length === 1;
  const axis = operation.integer("axis", isSlope ? 1 : -1);
  const behind = first.shape.length - axis - second.shape.length;
  if (axis < 0 || behind <= 0) return values;
  const shape = [...second.shape, ...new Array<number>(behind).fill(1)];
  return [first, operation.builder.reshape(second, shape)];
}

/** The function of that family, refused by name where the type has none. */
export function family(name: string, count = 1): Rule {
  return elementwise(count, (operation, ...operands) => checked(operation, name, ...operands));
}

export function checked(operation: Operation, name: string, ...operands: Term[]): Term {
  const dtype = (operands.at(-1) as Term).dtype;
  const types = new Set(operands.map((operand) => operand.dtype));
  if (!hasFunction(name, dtype) || types.size > 1) {
    throw operation.unsupported(`does not compute with ${[...types].join(" and ")}`);
  }
  return apply(name, ...operands);
}

export function numeric(operation: Operation, like: Term, number: number): Term {
  if (like.dtype === "bool") throw operation.unsupported("does not compute with bool");
  return constant(number, like.dtype as "float32" | "int64" | "int32");
}

/** Of floats only. */
export function floats(compute: (x: Term, operation: Operation) => Term): Rule {
  return elementwise(1, (operation, x) => {
    if (x.dtype !== "float32") throw operation.unsupported(`does not compute with ${x.dtype}`);
    return compute(x, operation);
  });
}

/** The first operand with the second, the result with the third, and so on. */
function folded(name: string): Rule {
  return (operation) => [fold(operation, name)];
}

/** What is only stored is rounded once: `finish` sees the result as it was computed. */
function fold(operation: Operation, name: string, finish = (total: Term) => total): Value {
  const { builder } = operation;
  const { dtype } = operation.input(0);
  const [first, ...rest] = operation.every() as [Value, ...Value[]];
  let total = first;
  for (const value of rest) {
    const shape = operation.broadcast(total.shape, value.shape);
    const term = checked(operation, name, widen(read(total)), widen(read(value)));
    total = builder.map(shape, term);
  }
  return builder.map(total.shape, cast(finish(widen(read(total))), dtype));
}

const several: Rules = {
  Sum: folded("add"),
  Max: folded("maximum"),
  Min: folded("minimum"),
  Mean: (operation) => {
    const count = constant(operation.inputCount);
    return [fold(operation, "add", (total) => checked(operation, "divide", total, count))];
  },
};

/** x^y for types that differ: in the type of x, or in binary32 where y is no integer. */
const power = elementwise(2, (operation, x, y) => {
  const [base, exponent] = [x as Term, y as Term];
  if (base.dtype === "float32" || exponent.dtype === "float32") {
    const raised = apply("power", cast(base, "float32"), cast(exponent, "float32"));
    return cast(raised, base.dtype);
  }
  return checked(operation, "power", base, cast(exponent, base.dtype));
});

/** The type of the base, not of the exponent, is the type of the result. */
function pow(operation: Operation): readonly Value[] {
  const { dtype } = operation.input(0);
  return power(operation).map((value) => castValue(operation, value, dtype));
}

const arithmetic: Rules = {
  Add: family("add", 2),
  Sub: family("subtract", 2),
  Mul: family("multiply", 2),
  Div: family("divide", 2),
  Pow: pow,
  Mod: elementwise(2, (operation, a, b) => {
    if (operation.integer("fmod", 0) === 1) {
      return checked(operation, "remainder", a as Term, b as Term);
    }
    return checked(operation, "modulo", a as Term, b as Term);
  }),
};

const unary: Rules = {
  Neg: family("negate"),
  Abs: family("absolute"),
  Sign: family("sign"),
  Sqrt: family("sqrt"),
  Reciprocal: family("reciprocal"),
  Floor: family("floor"),
  Ceil: family("ceil"),
  Round: family("round_even"),
  Exp: family("exp"),
  Log: family("log"),
  Erf: family("erf"),
  Sin: family("sin"),
  Cos: family("cos"),
  Tan: family("tan"),
  Asin: family("asin"),
  Acos: family("acos"),
  Atan: family("atan"),
  Sinh: family("sinh"),
  Cosh: family("cosh"),
  Tanh: family("tanh"),
  Asinh: family("asinh"),
  Acosh: family("acosh"),
  Atanh: family("atanh"),
};

export const rules: Rules = {
  ...arithmetic,
  ...unary,
  ...several,
};
