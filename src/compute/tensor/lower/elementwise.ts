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
import { type DType, dtypeOf } from "../dtype.js";
import type { Operation, Rule, Rules } from "./operation.js";

/** A function of so many operands, computed in the type that holds them. */
function elementwise(
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
function family(name: string, count = 1): Rule {
  return elementwise(count, (operation, ...operands) => checked(operation, name, ...operands));
}

function checked(operation: Operation, name: string, ...operands: Term[]): Term {
  const dtype = (operands.at(-1) as Term).dtype;
  const types = new Set(operands.map((operand) => operand.dtype));
  if (!hasFunction(name, dtype) || types.size > 1) {
    throw operation.unsupported(`does not compute with ${[...types].join(" and ")}`);
  }
  return apply(name, ...operands);
}

function numeric(operation: Operation, like: Term, number: number): Term {
  if (like.dtype === "bool") throw operation.unsupported("does not compute with bool");
  return constant(number, like.dtype as "float32" | "int64" | "int32");
}

/** Of floats only. */
function floats(compute: (x: Term, operation: Operation) => Term): Rule {
  return elementwise(1, (operation, x) => {
    if (x.dtype !== "float32") throw operation.unsupported(`does not compute with ${x.dtype}`);
    return compute(x, operation);
  });
}

const multiply = (a: Term, b: Term) => apply("multiply", a, b);
const add = (a: Term, b: Term) => apply("add", a, b);
const subtract = (a: Term, b: Term) => apply("subtract", a, b);
const maximum = (a: Term, b: Term) => apply("maximum", a, b);
const minimum = (a: Term, b: Term) => apply("minimum", a, b);

/** x where `positive`, else `otherwise`; a NaN is not below 0 and stays itself. */
function unlessNegative(x: Term, otherwise: Term): Term {
  return apply("select", apply("less", x, constant(0)), otherwise, x);
}

export function clamp(x: Term, least: Term, most: Term): Term {
  return minimum(maximum(x, least), most);
}

export const hardSigmoid = (x: Term, alpha: number, beta: number) =>
  clamp(add(multiply(constant(alpha), x), constant(beta)), constant(0), constant(1));

/** alpha · (e^x - 1) below 0. */
export const elu = (x: Term, alpha: number) =>
  unlessNegative(x, multiply(constant(alpha), apply("expm1", x)));

export const leaky = (x: Term, alpha: number) => unlessNegative(x, multiply(constant(alpha), x));

export const softsign = (x: Term) => apply("divide", x, add(constant(1), apply("absolute", x)));

/** x where it is above alpha, else 0. */
export const onlyAbove = (x: Term, alpha: number) =>
  apply("select", apply("less", constant(alpha), x), x, constant(0));

/** Before operator set 7 a vector of slopes is one a channel. */
function slopeOf(operation: Operation, x: Value): Value {
  const slope = operation.input(1);
  const rank = x.shape.length;
  if (operation.version >= 7 || slope.shape.length !== 1 || rank < 2) return slope;
  const trailing = new Array<number>(rank - 2).fill(1);
  return operation.builder.reshape(slope, [...slope.shape, ...trailing]);
}

const activations: Rules = {
  Relu: elementwise(1, (operation, x) => maximum(x, numeric(operation, x, 0))),
  LeakyRelu: floats((x, operation) => leaky(x, operation.number("alpha", 0.01))),
  PRelu: (operation) => {
    const x = operation.input(0);
    const slope = slopeOf(operation, x);
    if (x.dtype !== slope.dtype) throw operation.wrong(`mixes ${x.dtype} and ${slope.dtype}`);
    const term = widen(read(x));
    const below = checked(operation, "multiply", widen(read(slope)), term);
    const shape = operation.broadcast(x.shape, slope.shape);
    const zero = numeric(operation, term, 0);
    const result = apply("select", apply("less", term, zero), below, term);
    return [operation.builder.map(shape, cast(result, x.dtype))];
  },
  Elu: floats((x, operation) => elu(x, operation.number("alpha", 1))),
  Selu: floats((x, operation) => {
    const alpha = operation.number("alpha", 1.6732631921768188);
    const gamma = constant(operation.number("gamma", 1.0507010221481323));
    return multiply(gamma, elu(x, alpha));
  }),
  Celu: floats((x, operation) => {
    const alpha = operation.number("alpha", 1);
    const below = multiply(constant(alpha), apply("expm1", apply("divide", x, constant(alpha))));
    return unlessNegative(x, below);
  }),
  ThresholdedRelu: floats((x, operation) => onlyAbove(x, operation.number("alpha", 1))),
  Sigmoid: family("sigmoid"),
  HardSigmoid: floats((x, operation) =>
    hardSigmoid(x, operation.number("alpha", 0.2), operation.number("beta", 0.5)),
  ),
  HardSwish: floats((x) => multiply(x, hardSigmoid(x, 1 / 6, 0.5))),
  Softplus: family("softplus"),
  Softsign: floats(softsign),
  Shrink: floats((x, operation) => {
    const bias = constant(operation.number("bias", 0));
    const lambda = operation.number("lambd", 0.5);
    const above = apply(
      "select",
      apply("less", constant(lambda), x),
      subtract(x, bias),
      constant(0),
    );
    return apply("select", apply("less", x, constant(-lambda)), add(x, bias), above);
  }),
};

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
    if (!positive && !negative) return apply("less", x, x);
    return apply("equal", x, constant(infinity));
  }),
};

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
  const [value] = power(operation);
  if (value === undefined || value.dtype === dtype) return value === undefined ? [] : [value];
  return [operation.builder.map(value.shape, cast(read(value), dtype))];
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

function castTo(operation: Operation, to: DType): readonly Value[] {
  const value = operation.input(0);
  return [operation.builder.map(value.shape, cast(read(value), to))];
}

const choices: Rules = {
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
    const term = apply("select", read(condition), widen(read(a)), widen(read(b)));
    return [operation.builder.map(shape, cast(term, a.dtype))];
  },
  Cast: (operation) => {
    const number = operation.integer("to", 0);
    const to = dtypeOf(number);
    if (to === undefined) throw operation.unsupported(`casts to element type ${number}`);
    return castTo(operation, to);
  },
  CastLike: (operation) => castTo(operation, operation.input(1).dtype),
};

export const rules: Rules = {
  ...arithmetic,
  ...unary,
  ...activations,
  ...comparisons,
  ...several,
  ...choices,
};
