/** Dropout as it is when a model is used: nothing is dropped. */
import { expand } from "../canonical/layout.js";
import { cast, read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = {
  Dropout: (operation) => {
    const value = operation.input(0);
    if (isTraining(operation)) throw operation.unsupported("drops at random, as in training");
    return operation.node.outputs.length < 2 ? [value] : [value, mask(operation, value)];
  },
};

function isTraining(operation: Operation): boolean {
  if (operation.version < 7) return operation.integer("is_test", 0) === 0;
  if (operation.optional(2) === undefined) return false;
  const [training] = operation.integersKnown(2);
  if (training === 0) return false;
  return operation.optional(1) === undefined || operation.integersKnown(1)[0] !== 0;
}

/** Every element is kept. Before operator set 10 the mask has the type of the value. */
function mask(operation: Operation, { dtype, shape }: Value): Value {
  const { builder } = operation;
  const kept = expand(builder, builder.constant("bool", [1], new Uint8Array([1])), shape);
  return operation.version >= 10 ? kept : builder.map(shape, cast(read(kept), dtype));
}
