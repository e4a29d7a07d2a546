import type { Family, Recipe } from "./cases.js";
import { changed, type Dice, whole } from "./dice.js";

function reduction(operator: string, range = 3) {
  return (dice: Dice): Recipe => {
    const shape = dice.shape(1, 5, 5);
    const axes = dice.chance(20)
      ? undefined
      : dice.shuffled(dice.some(shape.length)).map((axis) => dice.signed(axis, shape.length));
    const x = dice.floats("x", shape, range);
    const opset = dice.pick([11, 12, 13, 17]);
    const asInput = operator === "ReduceSum" && opset >= 13;
    return {
      operator,
      opset,
      inputs: [x],
      ...(asInput && axes !== undefined ? { fixed: [whole("axes", axes)] } : {}),
      attributes: {
        keepdims: dice.integer(0, 1),
        ...(asInput || axes === undefined ? {} : { axes }),
      },
    };
  };
}

function positive(make: (dice: Dice) => Recipe) {
  return (dice: Dice): Recipe => {
    const recipe = make(dice);
    const inputs = recipe.inputs.map(
      (input) => input && changed(input, (value) => Math.abs(value) + 0.01),
    );
    return { ...recipe, inputs };
  };
}

function winner(operator: string) {
  return (dice: Dice): Recipe => {
    const shape = dice.shape(1, 4);
    const x = dice.pick([
      dice.floats("x", shape),
      dice.int32s("x", shape, -3, 3),
      dice.int64s("x", shape, -3, 3),
    ]);
    const axis = dice.signed(dice.integer(0, shape.length - 1), shape.length);
    const attributes = {
      axis,
      keepdims: dice.integer(0, 1),
      select_last_index: dice.integer(0, 1),
    };
    return { operator, opset: dice.pick([12, 13]), inputs: [x], attributes };
  };
}

function softmax(operator: string) {
  return (dice: Dice): Recipe => {
    const shape = dice.shape(1, 4);
    const axis = dice.signed(dice.integer(0, shape.length - 1), shape.length);
    const x = dice.floats("x", shape, dice.pick([3, 90]));
    return { operator, opset: dice.pick([9, 11, 13, 17]), inputs: [x], attributes: { axis } };
  };
}

export const rows: Family = {
  ReduceSum: reduction("ReduceSum"),
  ReduceMean: reduction("ReduceMean"),
  ReduceMax: reduction("ReduceMax"),
  ReduceMin: reduction("ReduceMin"),
  ReduceProd: reduction("ReduceProd", 1),
  ReduceL1: reduction("ReduceL1"),
  ReduceL2: reduction("ReduceL2"),
  ReduceLogSum: positive(reduction("ReduceLogSum")),
  ReduceLogSumExp: reduction("ReduceLogSumExp", 60),
  ReduceSumSquare: reduction("ReduceSumSquare"),
  ArgMax: winner("ArgMax"),
  ArgMin: winner("ArgMin"),
  Softmax: softmax("Softmax"),
  LogSoftmax: softmax("LogSoftmax"),
  Hardmax: softmax("Hardmax"),
  CumSum: (dice) => {
    const shape = dice.shape(1, 4);
    const axis = dice.signed(dice.integer(0, shape.length - 1), shape.length);
    const attributes = { exclusive: dice.integer(0, 1), reverse: dice.integer(0, 1) };
    const fixed = [{ ...whole("axis", [axis]), shape: [] }];
    return { operator: "CumSum", opset: 14, inputs: [dice.floats("x", shape)], fixed, attributes };
  },
  TopK: (dice) => {
    const shape = dice.shape(1, 4);
    const axis = dice.integer(0, shape.length - 1);
    const k = dice.integer(1, shape[axis] as number);
    const attributes = { axis: dice.signed(axis, shape.length), largest: dice.integer(0, 1) };
    const fixed = [whole("k", [k])];
    const inputs = [dice.floats("x", shape)];
    return { operator: "TopK", opset: 11, inputs, fixed, attributes, outputs: 2 };
  },
  LayerNormalization: (dice) => {
    const shape = dice.shape(1, 4);
    const axis = dice.integer(0, shape.length - 1);
    const rest = shape.slice(axis);
    const bias = dice.chance(60) ? dice.floats("b", rest) : undefined;
    const inputs = [dice.floats("x", shape), dice.floats("s", rest), bias];
    const attributes = { axis: dice.signed(axis, shape.length), epsilon: { float: 0.01 } };
    return { operator: "LayerNormalization", opset: 17, inputs, attributes };
  },
  InstanceNormalization: (dice) => {
    const shape = dice.shape(3, 5, 4);
    const channels = [shape[1] as number];
    const inputs = [
      dice.floats("x", shape),
      dice.floats("s", channels),
      dice.floats("b", channels),
    ];
    const attributes = { epsilon: { float: 0.01 } };
    return { operator: "InstanceNormalization", opset: 6, inputs, attributes };
  },
  BatchNormalization: (dice) => {
    const shape = dice.shape(2, 5, 4);
    const channels = [shape[1] as number];
    const make = (name: string) => dice.floats(name, channels);
    const variance = changed(make("v"), (value) => Math.abs(value) + 0.1);
    const inputs = [dice.floats("x", shape), make("s"), make("b"), make("m"), variance];
    return { operator: "BatchNormalization", opset: dice.pick([9, 14, 15]), inputs };
  },
  LRN: (dice) => {
    const attributes = {
      size: dice.pick([1, 3, 5]), // the oracle takes no even ones
      alpha: { float: 0.1 },
      beta: { float: 0.75 },
      bias: { float: 1.5 },
    };
    const inputs = [dice.floats("x", dice.shape(4, 4))];
    return { operator: "LRN", opset: 13, inputs, attributes };
  },
  LpNormalization: (dice) => {
    const shape = dice.shape(1, 4);
    const axis = dice.signed(dice.integer(0, shape.length - 1), shape.length);
    const attributes = { axis, p: dice.integer(1, 2) };
    return { operator: "LpNormalization", opset: 1, inputs: [dice.floats("x", shape)], attributes };
  },
  MeanVarianceNormalization: (dice) => {
    // Of one element alone the variance is what rounding leaves of zero.
    const inputs = [dice.floats("x", [2, ...dice.shape(3, 3)])];
    return { operator: "MeanVarianceNormalization", opset: 13, inputs };
  },
};
