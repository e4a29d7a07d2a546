/** Pad: with one element all around, with the nearest one, or with a reflection. */
import { isReadable, writeElements } from "../canonical/elements.js";
import { take } from "../canonical/indexing.js";
import { pad, pick } from "../canonical/layout.js";
import type { Value } from "../canonical/value.js";
import type { Operation, Rules } from "./operation.js";

export const rules: Rules = { Pad: (operation) => [padded(operation)] };

/** Where a position outside an axis of that size finds its element. */
type Outside = (position: number, size: number) => number;

const outside: Readonly<Record<string, Outside>> = {
  edge: (position, size) => Math.min(Math.max(position, 0), size - 1),
  reflect: (position, size) => {
    const period = Math.max(1, 2 * (size - 1));
    const at = ((position % period) + period) % period;
    return Math.min(at, period - at);
  },
};

function padded(operation: Operation): Value {
  const { builder } = operation;
  const value = operation.input(0);
  const rank = value.shape.length;
  const pads =
    operation.integers(operation.version < 2 ? "paddings" : "pads") ?? operation.integersKnown(1);
  const mode = operation.text("mode", "constant");
  const [begins, ends] = [pads.slice(0, rank), pads.slice(rank)];
  if (ends.length !== rank) throw operation.mismatch(`it pads by [${pads.join(", ")}]`);
  if (mode === "constant") return pad(builder, value, begins, ends, fillOf(operation));
  const find = outside[mode];
  if (find === undefined) throw operation.unsupported(`has the mode ${mode}`);
  if (pads.some((size) => size < 0)) throw operation.unsupported(`crops in the mode ${mode}`);
  let result = value;
  for (const [axis, size] of value.shape.entries()) {
    const [begin, end] = [begins[axis] as number, ends[axis] as number];
    if (begin === 0 && end === 0) continue;
    if (size === 0) throw operation.mismatch(`axis ${axis} has nothing to pad with`);
    const length = begin + size + end;
    const positions = operation.upTo(length).map((at) => find(at - begin, size));
    // A reflection to and fro has many runs.
    const isLong = begin + end > runsMax * size;
    result = isLong
      ? take(builder, result, positions, axis)
      : pick(builder, result, axis, positions);
  }
  return result;
}

/** Runs of a copy, each of which has words of its own. */
const runsMax = 64;

/** The bits of the element that is put around. */
function fillOf(operation: Operation): bigint {
  const { dtype } = operation.input(0);
  let bytes: Uint8Array;
  if (operation.optional(2) === undefined) {
    const number = operation.number("value", 0);
    if (number === 0) return 0n;
    if (!isReadable(dtype)) throw operation.unsupported(`pads ${dtype} with ${number}`);
    bytes = writeElements([dtype === "float32" ? number : Math.trunc(number)], dtype);
  } else bytes = operation.typed(2, dtype) && operation.bytesKnown(2);
  return bytes.reduceRight((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
}
