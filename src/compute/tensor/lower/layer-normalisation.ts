/** Layer normalisation: as an operator, and as basic operators that write it out. */
import { add, multiply } from "../canonical/algebra.js";
import { normalise } from "../canonical/arithmetic.js";
import { expand } from "../canonical/layout.js";
import { read } from "../canonical/term.js";
import type { Value } from "../canonical/value.js";
import { sizeOf } from "../dtype.js";
import type { Operation, Rules } from "./operation.js";
import { asWritten } from "./pattern.js";
import { castValue, widened } from "./storage.js";

export const rules: Rules = { LayerNormalization: layerNormalisation };

/** Results: normalised, and the mean and inverse deviation of each row, in binary32 as computed. */
function layerNormalisation(half: Operation): readonly Value[] {
  const operation = widened(half);
  const { builder } = operation;
  const { shape } = operation.float(0);
  if (operation.integer("stash_type", 1) !== 1) {
    throw operation.unsupported("keeps its moments in another type than float32");
  }
  const axis = operation.axis(operation.integer("axis", -1), shape.length);
  for (const index of [1, 2]) {
    if (index > 1 && operation.optional(index) === undefined) continue; // only a bias
    if (operation.broadcast(shape, operation.float(index).shape).join() !== shape.join()) {
      throw operation.mismatch("scale and bias must broadcast to the input");
    }
  }
  const [rows, ...moments] = normalisedFrom(operation, axis);
  const moment = shape.map((size, at) => (at < axis ? size : 1));
  return [
    castValue(operation, rows as Value, half.input(0).dtype),
    ...moments.map((of) => builder.reshape(of, moment)),
  ];
}

/** Of axes that are not the last ones, and of other types, it is what is written. */
export function writtenNormalisation(operation: Operation): readonly Value[] {
  const rank = operation.input(0).shape.length;
  const axes = new Set(operation.integers("axes")?.map((axis) => (axis < 0 ? axis + rank : axis)));
  const first = rank - axes.size;
  const areLast = first >= 0 && [...axes].every((axis) => axis >= first && axis < rank);
  const areFloats = operation.every().every(({ dtype }) => dtype === "float32");
  if (!areLast || !areFloats) return asWritten(operation);
  return normalisedFrom(operation, first).slice(0, 1);
}

/** From that axis on all is one row. Scale and bias that are not of a row come afterwards. */
function normalisedFrom(operation: Operation, axis: number): readonly Value[] {
  const { builder } = operation;
  const value = operation.input(0);
  const row = value.shape.slice(axis);
  const given = [operation.optional(1), operation.optional(2)];
  const areOfRow = given.every(
    (of) => of === undefined || operation.broadcast(row, of.shape).join() === row.join(),
  );
  const [scale, bias] = areOfRow ? given.map((of) => of && expand(builder, of, row)) : [];
  const epsilon = operation.number("epsilon", 1e-5);
  const how = { length: sizeOf(row), epsilon, scale, bias };
  const [rows, ...moments] = normalise(builder, value, how);
  const normalised = builder.reshape(rows as Value, value.shape);
  if (areOfRow) return [normalised, ...moments];
  let term = read(normalised);
  if (given[0] !== undefined) term = multiply(term, read(given[0]));
  if (given[1] !== undefined) term = add(term, read(given[1]));
  const all = [value, ...given].filter((of) => of !== undefined);
  const shape = operation.broadcast(...all.map((of) => of.shape));
  return [builder.map(shape, term), ...moments];
}
