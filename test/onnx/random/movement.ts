import { sizeOf } from "../../../src/compute/tensor/dtype.js";
import type { AttributeParts } from "../../onnx-writer.js";
import type { HeldTensor } from "../elements.js";
import type { Family } from "./cases.js";
import { type Dice, whole } from "./dice.js";

/** Any type: moving does not ask. */
function anything(dice: Dice, name: string, shape: readonly number[]): HeldTensor {
  return dice.pick([
    dice.wildFloats(name, shape),
    dice.int64s(name, shape, -9, 9),
    dice.int32s(name, shape, -9, 9),
    dice.bools(name, shape),
  ]);
}

export const movement: Family = {
  Transpose: (dice) => {
    const shape = dice.shape(1, 5, 4);
    const perm = dice.shuffled(shape.map((_, axis) => axis));
    const attributes: Record<string, AttributeParts> = dice.chance(80) ? { perm } : {};
    return { operator: "Transpose", opset: 13, inputs: [anything(dice, "x", shape)], attributes };
  },
  Concat: (dice) => {
    const shape = dice.shape(1, 4);
    const axis = dice.integer(0, shape.length - 1);
    const inputs = dice.times(dice.integer(1, 4), (index) => {
      const size = dice.integer(1, 4);
      return dice.floats(`x${index}`, shape.with(axis, size));
    });
    return {
      operator: "Concat",
      opset: 13,
      inputs,
      attributes: { axis: dice.signed(axis, shape.length) },
    };
  },
  Split: (dice) => {
    const shape = dice.shape(1, 4);
    const axis = dice.integer(0, shape.length - 1);
    const sizes = dice.times(dice.integer(1, 3), () => dice.integer(0, 4));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const x = dice.floats("x", shape.with(axis, Math.max(1, total)));
    if (total === 0) sizes[0] = 1;
    const attributes = { axis: dice.signed(axis, shape.length) };
    const fixed = [whole("split", sizes)];
    return { operator: "Split", opset: 13, inputs: [x], fixed, attributes, outputs: sizes.length };
  },
  Slice: (dice) => {
    const shape = dice.shape(1, 4, 8);
    const axes = dice.some(shape.length);
    const steps = axes.map(() => dice.pick([1, 1, 2, 3, -1, -2]));
    const bound = (axis: number) => {
      const size = shape[axis] as number;
      return dice.integer(-size - 2, size + 2);
    };
    const inputs = [anything(dice, "x", shape)];
    const fixed = [
      whole("starts", axes.map(bound)),
      whole("ends", axes.map(bound)),
      whole(
        "axes",
        axes.map((axis) => dice.signed(axis, shape.length)),
      ),
      whole("steps", steps),
    ];
    return { operator: "Slice", opset: dice.pick([10, 11, 13]), inputs, fixed };
  },
  Pad: (dice) => {
    const shape = dice.shape(1, 4);
    const mode = dice.pick(["constant", "reflect", "edge"]);
    const pads = dice.times(2 * shape.length, (at) => {
      const size = shape[at % shape.length] as number;
      return mode === "reflect" ? dice.integer(0, size - 1) : dice.integer(0, 3);
    });
    const value = dice.chance(60) && mode === "constant" ? dice.floats("v", []) : undefined;
    const inputs = [dice.floats("x", shape)];
    const fixed = [whole("pads", pads), value];
    return { operator: "Pad", opset: dice.pick([11, 13]), inputs, fixed, attributes: { mode } };
  },
  Expand: (dice) => {
    const shape = dice.shape(0, 4, 4);
    const from = shape
      .slice(dice.integer(0, shape.length))
      .map((size) => (dice.chance(40) ? 1 : size));
    const inputs = [anything(dice, "x", from)];
    return { operator: "Expand", opset: 13, inputs, fixed: [whole("shape", shape)] };
  },
  Tile: (dice) => {
    const shape = dice.shape(1, 4, 4);
    const repeats = whole(
      "repeats",
      shape.map(() => dice.integer(1, 3)),
    );
    return { operator: "Tile", opset: 13, inputs: [dice.floats("x", shape)], fixed: [repeats] };
  },
  Reshape: (dice) => {
    const shape = dice.shape(1, 4);
    const target = dice.shuffled([sizeOf(shape), 1, -1]).filter((size) => size !== 1);
    const inputs = [anything(dice, "x", shape)];
    const wanted = target.includes(-1) ? target.map((size) => (size === -1 ? -1 : 1)) : target;
    return { operator: "Reshape", opset: 14, inputs, fixed: [whole("shape", wanted)] };
  },
  Flatten: (dice) => {
    const shape = dice.shape(1, 4);
    const axis = dice.integer(-shape.length, shape.length);
    return {
      operator: "Flatten",
      opset: 13,
      inputs: [dice.floats("x", shape)],
      attributes: { axis },
    };
  },
  DepthToSpace: (dice) => {
    const block = dice.integer(1, 3);
    const shape = [dice.integer(1, 2), dice.integer(1, 2) * block * block, ...dice.shape(2, 2, 4)];
    const attributes = { blocksize: block, mode: dice.pick(["DCR", "CRD"]) };
    return { operator: "DepthToSpace", opset: 13, inputs: [dice.floats("x", shape)], attributes };
  },
  SpaceToDepth: (dice) => {
    const block = dice.integer(1, 3);
    const shape = [
      dice.integer(1, 2),
      dice.integer(1, 2),
      ...dice.shape(2, 2, 3).map((of) => of * block),
    ];
    const attributes = { blocksize: block };
    return { operator: "SpaceToDepth", opset: 13, inputs: [dice.floats("x", shape)], attributes };
  },
  Trilu: (dice) => {
    const inputs = [dice.floats("x", dice.shape(2, 4))];
    const k = dice.chance(70) ? { ...whole("k", [dice.integer(-4, 4)]), shape: [] } : undefined;
    const attributes = { upper: dice.integer(0, 1) };
    return { operator: "Trilu", opset: 14, inputs, fixed: [k], attributes };
  },
  ReverseSequence: (dice) => {
    const [batch, time] = [dice.integer(1, 4), dice.integer(1, 5)];
    const first = dice.integer(0, 1);
    const shape = [...(first === 0 ? [batch, time] : [time, batch]), ...dice.shape(0, 2, 3)];
    const lengths = dice.int64s("l", [batch], 1, time);
    const attributes = { batch_axis: first, time_axis: 1 - first };
    const inputs = [dice.floats("x", shape), lengths];
    return { operator: "ReverseSequence", opset: 10, inputs, attributes };
  },
};
