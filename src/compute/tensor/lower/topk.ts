/** TopK: along any axis, by bringing it to the end. */
import { alongLast } from "../canonical/layout.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = { TopK: topK };

function topK(operation: Operation) {
  const { builder } = operation;
  const value = operation.float(0);
  const axis = operation.axis(operation.integer("axis", -1), value.shape.length);
  const largest = operation.flag("largest", 1);
  const [k] = operation.version < 10 ? [operation.integer("k", -1)] : operation.integersKnown(1);
  const length = value.shape[axis] as number;
  if (k === undefined || k < 0 || k > length) {
    throw operation.mismatch(`it asks for ${k} of ${length} elements`);
  }
  return alongLast(builder, value, axis, (rows) => {
    const leading = rows.shape.slice(0, -1);
    const shape = [...leading, k];
    return builder.emit(
      "topk",
      [rows],
      [
        { dtype: "float32", shape },
        { dtype: "int64", shape, choices: length },
      ],
      [sizeOf(leading), length, k, largest],
    );
  });
}
