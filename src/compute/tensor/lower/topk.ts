/** TopK: along any axis, by bringing it to the end. */
import { transpose } from "../canonical/layout.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = { TopK: topK };

function topK(operation: Operation) {
  const { builder } = operation;
  const value = operation.float(0);
  const rank = value.shape.length;
  const axis = operation.axis(operation.integer("axis", -1), rank);
  const largest = operation.integer("largest", 1);
  if (largest !== 0 && largest !== 1) throw operation.wrong(`has largest = ${largest}`);
  const [k] = operation.version < 10 ? [operation.integer("k", -1)] : operation.integersKnown(1);
  const length = value.shape[axis] as number;
  if (k === undefined || k < 0 || k > length) {
    throw operation.mismatch(`it asks for ${k} of ${length} elements`);
  }
  const order = value.shape.map((_, at) => at).filter((at) => at !== axis);
  const rows = transpose(builder, value, [...order, axis]);
  const shape = [...rows.shape.slice(0, -1), k];
  const results = builder.emit(
    "topk",
    [rows],
    [
      { dtype: "float32", shape },
      { dtype: "int64", shape, choices: length },
    ],
    [sizeOf(rows.shape.slice(0, -1)), length, k, largest],
  );
  const back = value.shape.map((_, at) => (at === axis ? rank - 1 : order.indexOf(at)));
  return results.map((result) => transpose(builder, result, back));
}
