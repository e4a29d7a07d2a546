/** Pooling: a window's greatest or mean element, over parts of the space or all of it. */
import { mean, reduce } from "../canonical/arithmetic.js";
import { pad } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import { pool } from "../canonical/window.js";
import type { Operation, Rules } from "./operation.js";
import { castValue, onHalves } from "./storage.js";
import { type PaddedWindow, perAxis, spanOf, spatialShape, windowOf } from "./window.js";

export function windowAsked(operation: Operation, value: Value): PaddedWindow {
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

/** Whether no window reaches beyond the padding. */
function isWithin({
  kernel,
  dilations,
  strides,
  out,
  in: sizes,
  padsBegin,
  padsEnd,
}: PaddedWindow) {
  return out.every((count, axis) => {
    const span = spanOf(kernel[axis] as number, dilations[axis] as number);
    const room = (padsBegin[axis] as number) + (sizes[axis] as number) + (padsEnd[axis] as number);
    return (count - 1) * (strides[axis] as number) + span <= room;
  });
}

/** Padding that counts is made of zeros first where windows reach beyond it: what is there does not. */
function averagePool(operation: Operation): readonly Value[] {
  const { builder } = operation;
  const value = operation.float(0);
  const window = windowAsked(operation, value);
  const countPadding = operation.integer("count_include_pad", 0) === 1;
  if (!countPadding || isWithin(window)) {
    return pool(builder, value, { ...placed(value, window), how: "average", countPadding });
  }
  const { padsBegin, padsEnd } = window;
  const padded = pad(builder, value, [0, 0, ...padsBegin], [0, 0, ...padsEnd], 0n);
  const none = padsBegin.map(() => 0);
  const within = { ...window, in: padded.shape.slice(2), padsBegin: none };
  return pool(builder, padded, { ...placed(padded, within), how: "average" });
}

export function spatialAxes(operation: Operation, { shape }: Value): number[] {
  if (shape.length < 3) throw operation.mismatch("there are no spatial axes");
  return shape.map((_, axis) => axis).slice(2);
}

export const rules: Rules = onHalves({
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalMaxPool: (operation) => {
    const value = operation.float(0);
    return [reduce(operation.builder, value, "maximum", spatialAxes(operation, value), true)];
  },
  GlobalAveragePool: (operation) => {
    const value = operation.float(0);
    return [mean(operation.builder, value, spatialAxes(operation, value), true)];
  },
});
