import type { Family, Recipe } from "./cases.js";
import { changed, type Dice } from "./dice.js";

const modern = [13, 14, 15, 16, 17];

/** Shapes that broadcast to one. */
function broadcasting(dice: Dice, count: number): number[][] {
  const shape = dice.shape(0, 4, 5);
  return dice.times(count, () => {
    const cut = shape.slice(dice.chance(30) ? dice.integer(0, shape.length) : 0);
    return cut.map((size) => (dice.chance(25) ? 1 : size));
  });
}

function unary(operator: string, range?: number) {
  return (dice: Dice): Recipe => {
    const shape = dice.shape(0, 4);
    const x = range === undefined ? dice.wildFloats("x", shape) : dice.floats("x", shape, range);
    return { operator, opset: dice.pick(modern), inputs: [x] };
  };
}

function binary(operator: string, wild: boolean) {
  return (dice: Dice): Recipe => {
    const [a = [], b = []] = broadcasting(dice, 2);
    const make = (name: string, shape: readonly number[]) =>
      wild ? dice.wildFloats(name, shape) : dice.floats(name, shape);
    return { operator, opset: dice.pick(modern), inputs: [make("a", a), make("b", b)] };
  };
}

function binaryInteger(operator: string, least = -9) {
  return (dice: Dice): Recipe => {
    const [a = [], b = []] = broadcasting(dice, 2);
    const right = dice.int64s("b", b, operator === "Div" || operator === "Mod" ? 1 : least, 9);
    return { operator, opset: dice.pick(modern), inputs: [dice.int64s("a", a, least, 9), right] };
  };
}

function parametric(operator: string, names: readonly string[], least = -2) {
  return (dice: Dice): Recipe => {
    const given = names.filter(() => dice.chance(70));
    const attributes = Object.fromEntries(
      given.map((name) => [name, { float: Math.max(least, dice.real(2)) }]),
    );
    const x = dice.floats("x", dice.shape(0, 3));
    return { operator, opset: 16, inputs: [x], attributes };
  };
}

const unaries = Object.fromEntries(
  [
    ...["Abs", "Neg", "Floor", "Ceil", "Round", "Sign", "Relu", "Sqrt", "Reciprocal", "Exp", "Log"],
    ...["Tanh", "Sigmoid", "Erf", "IsNaN", "Atan", "Sinh", "Cosh", "Asinh", "Softplus", "Softsign"],
  ].map((name) => [name, unary(name)]),
);

export const elementwise: Family = {
  ...unaries,
  HardSwish: (dice) => ({ ...unary("HardSwish")(dice), opset: 14 }),
  Sin: unary("Sin", 20),
  Cos: unary("Cos", 20),
  Tan: unary("Tan", 1),
  Asin: unary("Asin", 1),
  Acos: unary("Acos", 1),
  Atanh: unary("Atanh", 0.99),
  Acosh: (dice) => {
    const x = changed(dice.floats("x", dice.shape(0, 3), 5), (value) => 1 + Math.abs(value));
    return { operator: "Acosh", opset: 13, inputs: [x] };
  },
  Add: binary("Add", true),
  Sub: binary("Sub", true),
  Mul: binary("Mul", true),
  Div: binary("Div", true),
  PRelu: binary("PRelu", false),
  Equal: binary("Equal", true),
  Greater: binary("Greater", true),
  GreaterOrEqual: binary("GreaterOrEqual", true),
  Less: binary("Less", true),
  LessOrEqual: binary("LessOrEqual", true),
  AddInteger: binaryInteger("Add"),
  MulInteger: binaryInteger("Mul"),
  DivInteger: binaryInteger("Div"),
  ModInteger: binaryInteger("Mod"),
  EqualInteger: binaryInteger("Equal"),
  LessInteger: binaryInteger("Less"),
  Pow: (dice) => {
    const [a = [], b = []] = broadcasting(dice, 2);
    const exponents = dice.chance(50) ? dice.int64s("b", b, -2, 4) : dice.floats("b", b);
    return { operator: "Pow", opset: dice.pick(modern), inputs: [dice.floats("a", a), exponents] };
  },
  Fmod: (dice) => ({ ...binary("Mod", false)(dice), attributes: { fmod: 1 } }),
  Max: variadic("Max"),
  Min: variadic("Min"),
  Sum: variadic("Sum"),
  Mean: variadic("Mean"),
  Where: (dice) => {
    const [a = [], b = [], c = []] = broadcasting(dice, 3);
    const inputs = [dice.bools("c", a), dice.wildFloats("a", b), dice.wildFloats("b", c)];
    return { operator: "Where", opset: 16, inputs };
  },
  And: logical("And"),
  Or: logical("Or"),
  Xor: logical("Xor"),
  Not: (dice) => ({ operator: "Not", opset: 13, inputs: [dice.bools("x", dice.shape(0, 3))] }),
  IsInf: (dice) => ({
    ...unary("IsInf")(dice),
    attributes: { detect_negative: dice.integer(0, 1), detect_positive: dice.integer(0, 1) },
  }),
  LeakyRelu: parametric("LeakyRelu", ["alpha"]),
  Elu: parametric("Elu", ["alpha"]),
  Celu: parametric("Celu", ["alpha"], 0.1),
  Selu: parametric("Selu", ["alpha", "gamma"], 0.1),
  HardSigmoid: parametric("HardSigmoid", ["alpha", "beta"]),
  ThresholdedRelu: parametric("ThresholdedRelu", ["alpha"]),
  Shrink: parametric("Shrink", ["lambd", "bias"], 0),
  Clip: (dice) => {
    const limit = (name: string) => (dice.chance(70) ? dice.floats(name, [], 2) : undefined);
    const x = dice.floats("x", dice.shape(0, 3), 5);
    return {
      operator: "Clip",
      opset: dice.pick([11, 12, 13]),
      inputs: [x, limit("a"), limit("b")],
    };
  },
  Cast: (dice) => {
    const shape = dice.shape(0, 3);
    const x = dice.pick([
      dice.floats("x", shape, 300),
      dice.int64s("x", shape, -1000, 1000),
      dice.int32s("x", shape, -1000, 1000),
      dice.bools("x", shape),
    ]);
    return {
      operator: "Cast",
      opset: 13,
      inputs: [x],
      attributes: { to: dice.pick([1, 6, 7, 9]) },
    };
  },
};

function variadic(operator: string) {
  return (dice: Dice): Recipe => {
    const shapes = broadcasting(dice, dice.integer(1, 4));
    const inputs = shapes.map((shape, index) => dice.wildFloats(`x${index}`, shape));
    return { operator, opset: dice.pick(modern), inputs };
  };
}

function logical(operator: string) {
  return (dice: Dice): Recipe => {
    const [a = [], b = []] = broadcasting(dice, 2);
    return { operator, opset: 13, inputs: [dice.bools("a", a), dice.bools("b", b)] };
  };
}
