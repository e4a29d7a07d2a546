import type { AttributeParts } from "../../onnx-writer.js";
import type { HeldTensor } from "../elements.js";
import type { Family, Recipe } from "./cases.js";
import { type Dice, whole } from "./dice.js";

type Attributes = Record<string, AttributeParts>;

function convolution(dice: Dice): Recipe {
  const axes = dice.integer(1, 3);
  const groups = dice.pick([1, 1, 2, 3]);
  const [channels, filters] = [dice.integer(1, 3), groups * dice.integer(1, 3)];
  const kernel = dice.times(axes, () => dice.integer(1, 3));
  const dilations = dice.times(axes, () => dice.integer(1, 2));
  const sizes = kernel.map((size, axis) => {
    return dice.integer((size - 1) * (dilations[axis] as number) + 1, 9);
  });
  const attributes: Attributes = { group: groups };
  if (dice.chance(70)) attributes.strides = dice.times(axes, () => dice.integer(1, 3));
  const auto = dice.pick(["", "", "SAME_UPPER", "SAME_LOWER", "VALID"]);
  if (auto === "" || dice.chance(0)) attributes.dilations = dilations;
  if (auto !== "") attributes.auto_pad = auto;
  else if (dice.chance(70)) attributes.pads = dice.times(2 * axes, () => dice.integer(0, 2));
  if (dice.chance(70)) attributes.kernel_shape = kernel;
  const x = dice.floats("x", [dice.integer(1, 2), groups * channels, ...sizes]);
  const w = dice.floats("w", [filters, channels, ...kernel]);
  const bias = dice.chance(60) ? dice.floats("b", [filters]) : undefined;
  return { operator: "Conv", opset: dice.pick([11, 13]), inputs: [x, w, bias], attributes };
}

function transposed(dice: Dice): Recipe {
  const axes = dice.integer(1, 3);
  const groups = dice.pick([1, 1, 2]);
  const [channels, filters] = [groups * dice.integer(1, 3), dice.integer(1, 3)];
  const kernel = dice.times(axes, () => dice.integer(1, 3));
  const strides = dice.times(axes, () => dice.integer(1, 3));
  const dilations = dice.times(axes, () => dice.integer(1, 2));
  const attributes: Attributes = { group: groups, strides, dilations };
  if (dice.chance(60)) {
    attributes.pads = dice.times(2 * axes, (at) =>
      dice.integer(0, (kernel[at % axes] as number) - 1),
    );
  }
  if (dice.chance(40)) {
    attributes.output_padding = dice.times(axes, (axis) => {
      return dice.integer(0, Math.max(strides[axis] as number, dilations[axis] as number) - 1);
    });
  }
  const x = dice.floats("x", [
    dice.integer(1, 2),
    channels,
    ...dice.times(axes, () => dice.integer(1, 5)),
  ]);
  const w = dice.floats("w", [channels, filters, ...kernel]);
  const bias = dice.chance(50) ? dice.floats("b", [groups * filters]) : undefined;
  return { operator: "ConvTranspose", opset: 11, inputs: [x, w, bias], attributes };
}

function pooling(operator: string) {
  return (dice: Dice): Recipe => {
    const axes = dice.integer(1, 3);
    const kernel = dice.times(axes, () => dice.integer(1, 3));
    const attributes: Attributes = { kernel_shape: kernel };
    if (dice.chance(70)) attributes.strides = dice.times(axes, () => dice.integer(1, 3));
    const auto = dice.pick(["", "", "SAME_UPPER", "SAME_LOWER", "VALID"]);
    if (auto !== "") attributes.auto_pad = auto;
    else {
      // A pad as wide as the kernel would leave windows without elements.
      attributes.pads = dice.times(2 * axes, (at) => {
        return dice.integer(0, Math.max(0, (kernel[at % axes] as number) - 1));
      });
      attributes.ceil_mode = dice.integer(0, 1);
      if (operator === "MaxPool") attributes.dilations = dice.times(axes, () => dice.integer(1, 2));
    }
    if (operator === "AveragePool") attributes.count_include_pad = dice.integer(0, 1);
    const sizes = kernel.map(() => dice.integer(5, 9));
    const x = dice.floats("x", [dice.integer(1, 2), dice.integer(1, 3), ...sizes]);
    const outputs = operator === "MaxPool" && dice.chance(40) ? 2 : 1;
    return { operator, opset: operator === "MaxPool" ? 12 : 11, inputs: [x], attributes, outputs };
  };
}

function globally(operator: string) {
  return (dice: Dice): Recipe => {
    return { operator, opset: 1, inputs: [dice.floats("x", dice.shape(3, 5))] };
  };
}

function resize(dice: Dice): Recipe {
  const mode = dice.pick(["nearest", "linear", "cubic"]);
  const axes = mode === "cubic" ? 2 : dice.integer(1, 2);
  const shape = [
    dice.integer(1, 2),
    dice.integer(1, 2),
    ...dice.times(axes, () => dice.integer(2, 5)),
  ];
  const attributes: Attributes = {
    mode,
    coordinate_transformation_mode: dice.pick([
      ...["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"],
    ]),
  };
  if (mode === "nearest") {
    attributes.nearest_mode = dice.pick([
      ...["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"],
    ]);
  }
  if (mode === "cubic" && dice.chance(50)) {
    attributes.cubic_coeff_a = { float: -0.5 };
    attributes.exclude_outside = dice.integer(0, 1);
  }
  // What align_corners means for a scale that does not divide is disputed.
  const bySizes = attributes.coordinate_transformation_mode === "align_corners" || dice.chance(50);
  const sizes = whole("sizes", [
    ...shape.slice(0, 2),
    ...dice.times(axes, () => dice.integer(1, 9)),
  ]);
  const scales: HeldTensor = {
    name: "scales",
    dtype: "float32",
    shape: [shape.length],
    data: Float32Array.from([
      1,
      1,
      ...dice.times(axes, () => dice.pick([0.5, 0.75, 1, 1.5, 2, 3])),
    ]),
  };
  const fixed = bySizes ? [undefined, undefined, sizes] : [undefined, scales];
  return { operator: "Resize", opset: 13, inputs: [dice.floats("x", shape)], fixed, attributes };
}

export const windows: Family = {
  Conv: convolution,
  ConvTranspose: transposed,
  MaxPool: pooling("MaxPool"),
  AveragePool: pooling("AveragePool"),
  GlobalMaxPool: globally("GlobalMaxPool"),
  GlobalAveragePool: globally("GlobalAveragePool"),
  Resize: resize,
  GridSample: (dice) => {
    const n = dice.integer(1, 2);
    const x = dice.floats("x", [n, dice.integer(1, 2), dice.integer(2, 5), dice.integer(2, 5)]);
    const grid = dice.floats("g", [n, dice.integer(1, 4), dice.integer(1, 4), 2], 1.5);
    const attributes = {
      mode: dice.pick(["bilinear", "nearest", "bicubic"]),
      padding_mode: dice.pick(["zeros", "border", "reflection"]),
      align_corners: dice.integer(0, 1),
    };
    return { operator: "GridSample", opset: 16, inputs: [x, grid], attributes };
  },
};
