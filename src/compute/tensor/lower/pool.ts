/** Pooling: a window's greatest or mean element, over parts of the space or all of it. */
import { mean, reduce } from "../canonical/arithmetic.js";
import { pad } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import { pool } from "../canonical/window.js";
import type { Operation, Rule, Rules } from "./operation.js";
import { castValue, onHalves } from "./storage.js";
import { type PaddedWindow, perAxis, spanOf, spatialShape, windowOf } from "./window.js";

function windowAsked(operation: Operation, value: Value): PaddedWindow {
  const spatial = spatialShape(operation, value);
  if (operation.attribute("kernel_shape") === undefined) throw operation.wrong("has no window");
  const kernel = perAxis(operation, "kernel_shape", spatial.length, 1);
  return windowOf(operation, spatial, kernel);
}

/** Results by plane: batch and channels keep their places. */
function placed(value: Value, window: PaddedWindow) {
  const [batch, channels] = value.shape as [number, number];
  return { ...window, shape: [batch, channels, ...window.out], planes: batch * channels };
}

function maxPool(operation: Operation): readonly Value[] {
  const { builder } = operation;
  const given = operation.typed(0, "float32", "uint8", "int8");
  const value = castValue(operation, given, "float32");
  const window = windowAsked(operation, value);
  const wantsPlaces = (operation.node.outputs[1] ?? "") !== "";
  const byColumn = operation.integer("storage_order", 0) === 1;
  const how = !wantsPlaces ? "maximum" : byColumn ? "maximumByColumn" : "maximumByRow";
  const [greatest, ...places] = pool(builder, value, { ...placed(value, window), how });
  return [castValue(operation, greatest as Value, given.dtype), ...places];
}

/** Where windows reach beyond the padding, only what is within it counts: so it is put there first. */
function withPadding(
  operation: Operation,
  value: Value,
  window: PaddedWindow,
): readonly [Value, PaddedWindow] {
  const { kernel, dilations, strides, padsBegin, padsEnd } = window;
  const isWithin = window.out.every((count, axis) => {
    const span = spanOf(kernel[axis] as number, dilations[axis] as number);
    const room = (window.in[axis] as number) + (padsBegin[axis] as number);
    return (count - 1) * (strides[axis] as number) + span <= room + (padsEnd[axis] as number);
  });
  if (isWithin) return [value, window];
  const padded = pad(operation.builder, value, [0, 0, ...padsBegin], [0, 0, ...padsEnd], 0n);
  const none = padsBegin.map(() => 0);
  return [padded, { ...window, in: padded.shape.slice(2), padsBegin: none, padsEnd: none }];
}

function averagePool(operation: Operation): readonly Value[] {
  const value = operation.float(0);
  const window = windowAsked(operation, value);
  const countsPadding = operation.integer("count_include_pad", 0) === 1;
  const [seen, within] = countsPadding ? withPadding(operation, value, window) : [value, window];
  const countPadding = countsPadding && seen === value;
  return pool(operation.builder, seen, { ...placed(seen, within), how: "average", countPadding });
}

function overSpace(compute: (operation: Operation, value: Value, axes: number[]) => Value): Rule {
  return (operation) => {
    const value = operation.float(0);
    const axes = value.shape.map((_, axis) => axis).slice(2);
    if (axes.length === 0) throw operation.mismatch("there are no spatial axes");
    return [compute(operation, value, axes)];
  };
}

export const rules: Rules = onHalves({
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalMaxPool: overSpace(({ builder }, value, axes) =>
    reduce(builder, value, "maximum", axes, true),
  ),
  GlobalAveragePool: overSpace(({ builder }, value, axes) => mean(builder, value, axes, true)),
});
