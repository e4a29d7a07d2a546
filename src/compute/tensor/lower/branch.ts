/** If: one of two graphs. */
import { select } from "../canonical/algebra.js";
import { cast, read, widen } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = { If: choose };

/**
 * A condition that is known while compiling leaves one of them. So does one that only hangs on switches
 * among the inputs, whose values are asked for. Otherwise both are computed and the results chosen.
 */
function choose(operation: Operation): readonly Value[] {
  const { builder } = operation;
  const condition = operation.typed(0, "bool");
  if (builder.known(condition) !== undefined || builder.isSwitch(condition)) {
    const [isTrue] = operation.integersKnown(0);
    return operation.graph(isTrue === 1 ? "then_branch" : "else_branch");
  }
  const [first, second] = [operation.graph("then_branch"), operation.graph("else_branch")];
  const chooses = read(builder.reshape(condition, []));
  return first.map((value, index) => {
    const other = second[index];
    if (other?.dtype !== value.dtype || other.shape.join() !== value.shape.join()) {
      throw operation.unsupported("gives tensors of different shapes by an unknown condition", {
        bind: builder.rootsOf(condition),
      });
    }
    const chosen = select(chooses, widen(read(value)), widen(read(other)));
    return builder.map(value.shape, cast(chosen, value.dtype));
  });
}
