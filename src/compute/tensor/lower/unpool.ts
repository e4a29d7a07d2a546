/** MaxUnpool: greatest elements back where they stood, zeros elsewhere. */
import { scatterElements } from "../canonical/indexing.js";
import { expand, pad } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";
import { onHalves } from "./storage.js";
import { padsOf, perAxis, spatialShape } from "./window.js";

export const rules: Rules = onHalves({ MaxUnpool: (operation) => [unpool(operation)] });

/** Indices count in the shape that the window gives; a larger shape is filled up behind it. */
function unpool(operation: Operation): Value {
  const { builder } = operation;
  const value = operation.float(0);
  const places = operation.typed(1, "int64");
  if (places.shape.join() !== value.shape.join()) {
    throw operation.mismatch("each element needs its place");
  }
  const spatial = spatialShape(operation, value);
  const axes = spatial.length;
  const kernel = perAxis(operation, "kernel_shape", axes, 1);
  const strides = perAxis(operation, "strides", axes, 1);
  const [begins, ends] = padsOf(operation, axes);
  const natural = spatial.map((size, axis) => {
    const whole = (size - 1) * (strides[axis] as number) + (kernel[axis] as number);
    return whole - (begins[axis] as number) - (ends[axis] as number);
  });
  const shape = [...value.shape.slice(0, 2), ...natural];
  if (natural.some((size) => size < 1)) throw operation.mismatch("nothing is left of the result");
  const asked = operation.optional(2) === undefined ? shape : operation.integersKnown(2);
  const rest = shape.map((size, axis) => (asked[axis] ?? 0) - size);
  if (asked.length !== shape.length || rest.some((size) => size < 0)) {
    throw operation.mismatch(`they do not fit the shape [${asked.join(", ")}]`);
  }
  const row = (of: Value) => builder.reshape(of, [sizeOf(of.shape)]);
  const zeros = expand(builder, builder.floats([0]), [sizeOf(shape)]);
  const placed = scatterElements(builder, [zeros, row(places), row(value)], "set", 0);
  const none = shape.map(() => 0);
  return pad(builder, builder.reshape(placed, shape), none, rest, 0n);
}
