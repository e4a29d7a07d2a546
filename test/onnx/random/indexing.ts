import { sizeOf } from "../../../src/compute/tensor/dtype.js";
import type { AttributeParts } from "../../onnx-writer.js";
import type { HeldTensor } from "../elements.js";
import type { Family, Recipe } from "./cases.js";
import { type Dice, whole } from "./dice.js";

function scatterElements(dice: Dice): Recipe {
  const shape = dice.shape(1, 3);
  const axis = dice.integer(0, shape.length - 1);
  const size = shape[axis] as number;
  // Along the axis no index twice, unless what happens then is defined.
  const reduction = dice.pick(["none", "add", "mul"]);
  const indexShape = shape.map((of) => dice.integer(1, of));
  const indices =
    reduction === "none"
      ? onceEach(dice, indexShape, axis, size)
      : dice.int64s("i", indexShape, -size, size - 1);
  const attributes: Record<string, AttributeParts> = { axis: dice.signed(axis, shape.length) };
  const opset = reduction === "none" ? dice.pick([11, 13, 16]) : 16;
  if (opset === 16) attributes.reduction = reduction;
  const inputs = [dice.floats("x", shape), indices, dice.floats("u", indexShape)];
  return { operator: "ScatterElements", opset, inputs, attributes };
}

function onceEach(dice: Dice, shape: readonly number[], axis: number, size: number): HeldTensor {
  const order = dice.shuffled(dice.times(size, (index) => index));
  const after = sizeOf(shape.slice(axis + 1));
  const data = BigInt64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const place = Math.floor(at / after) % (shape[axis] as number);
    return BigInt(order[place] as number);
  });
  return { name: "i", dtype: "int64", shape, data };
}

export const indexing: Family = {
  Gather: (dice) => {
    const shape = dice.shape(1, 4);
    const axis = dice.integer(0, shape.length - 1);
    const size = shape[axis] as number;
    const indices = dice.chance(50)
      ? dice.int64s("i", dice.shape(0, 3, 4), -size, size - 1)
      : dice.int32s("i", dice.shape(0, 3, 4), -size, size - 1);
    const attributes = { axis: dice.signed(axis, shape.length) };
    const inputs = [dice.floats("x", shape), indices];
    return { operator: "Gather", opset: 13, inputs, attributes };
  },
  GatherElements: (dice) => {
    const shape = dice.shape(1, 4);
    const axis = dice.integer(0, shape.length - 1);
    const size = shape[axis] as number;
    const indexShape = shape.map((of, at) =>
      at === axis ? dice.integer(1, 6) : dice.integer(1, of),
    );
    const inputs = [dice.floats("x", shape), dice.int64s("i", indexShape, -size, size - 1)];
    const attributes = { axis: dice.signed(axis, shape.length) };
    return { operator: "GatherElements", opset: 13, inputs, attributes };
  },
  GatherND: (dice) => {
    const shape = dice.shape(1, 4, 4);
    const batch = dice.integer(0, shape.length - 1);
    const depth = dice.integer(1, shape.length - batch);
    const least = Math.min(...shape.slice(batch, batch + depth));
    const indexShape = [...shape.slice(0, batch), ...dice.shape(0, 2, 3), depth];
    const inputs = [dice.floats("x", shape), dice.int64s("i", indexShape, -least, least - 1)];
    return { operator: "GatherND", opset: 13, inputs, attributes: { batch_dims: batch } };
  },
  ScatterElements: scatterElements,
  ScatterND: (dice) => {
    const shape = dice.shape(1, 4, 4);
    const depth = dice.integer(1, shape.length);
    const least = Math.min(...shape.slice(0, depth));
    const reduction = dice.pick(["add", "mul"]);
    const tuples = dice.shape(0, 2, 3);
    const inputs = [
      dice.floats("x", shape),
      dice.int64s("i", [...tuples, depth], -least, least - 1),
      dice.floats("u", [...tuples, ...shape.slice(depth)]),
    ];
    return { operator: "ScatterND", opset: 16, inputs, attributes: { reduction } };
  },
  OneHot: (dice) => {
    const depth = dice.integer(1, 5);
    const shape = dice.shape(1, 3, 4);
    const indices = dice.int64s("i", shape, -depth - 1, depth + 1);
    const values = dice.floats("v", [2]);
    const fixed = [{ ...whole("depth", [depth]), shape: [] }, values];
    const attributes = { axis: dice.integer(-shape.length - 1, shape.length) };
    return { operator: "OneHot", opset: 11, inputs: [indices], fixed, attributes };
  },
};
