import type { AttributeParts } from "../../onnx-writer.js";
import type { Family, Recipe } from "./cases.js";
import type { Dice } from "./dice.js";

function recurrent(operator: string, gates: number, states: number) {
  return (dice: Dice): Recipe => {
    const [times, batch, size] = [dice.integer(1, 6), dice.integer(1, 3), dice.integer(1, 4)];
    const hidden = dice.integer(1, 5);
    const direction = dice.pick(["forward", "reverse", "bidirectional"]);
    const directions = direction === "bidirectional" ? 2 : 1;
    const attributes: Record<string, AttributeParts> = { hidden_size: hidden, direction };
    if (dice.chance(60)) attributes.clip = { float: dice.pick([0.1, 0.5, 2]) };
    if (operator === "GRU") attributes.linear_before_reset = dice.integer(0, 1);
    const state = (name: string) =>
      dice.chance(60) ? dice.floats(name, [directions, batch, hidden]) : undefined;
    const inputs = [
      dice.floats("x", [times, batch, size]),
      dice.floats("w", [directions, gates * hidden, size], 1),
      dice.floats("r", [directions, gates * hidden, hidden], 1),
      dice.chance(60) ? dice.floats("b", [directions, 2 * gates * hidden], 1) : undefined,
      dice.chance(40) ? dice.int32s("l", [batch], 1, times) : undefined,
      state("h"),
      ...(states > 1 ? [state("c")] : []),
      ...(states > 1 && dice.chance(50) ? [dice.floats("p", [directions, 3 * hidden], 1)] : []),
    ];
    return { operator, opset: dice.pick([7, 14]), inputs, attributes, outputs: states + 1 };
  };
}

export const layers: Family = {
  RNN: recurrent("RNN", 1, 1),
  GRU: recurrent("GRU", 3, 1),
  LSTM: recurrent("LSTM", 4, 2),
};
