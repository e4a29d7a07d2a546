/** Dropout as it is when a model is used: nothing is dropped. */
import { expand } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = {
  Dropout: (operation) => {
    const value = operation.input(0);
    if (isTraining(operation)) throw operation.unsupported("drops at random, as in training");
    const isMasked = operation.node.outputs.length > 1 && operation.version >= 12;
    return isMasked ? [value, mask(operation, value)] : [value];
  },
};

function isTraining(operation: Operation): boolean {
  if (operation.version < 7) return operation.integer("is_test", 0) === 0;
  if (operation.optional(2) === undefined) return false;
  const [training] = operation.integersKnown(2);
  if (training === 0) return false;
  return operation.optional(1) === undefined || operation.integersKnown(1)[0] !== 0;
}

/** Every element is kept. What a mask holds before operator set 12 is nowhere said. */
function mask({ builder }: Operation, { shape }: Value): Value {
  return expand(builder, builder.constant("bool", [1], new Uint8Array([1])), shape);
}
