/**
 * Majority vote over the labels that the rows of an index tensor point at. Part of `canonical-1`:
 * most votes win; among labels with as many votes, the one whose first vote has the lowest rank.
 */
import { QuipuError } from "../../base/errors.js";
import type { Tensor } from "./tensor.js";

export function vote(indices: Tensor, labels: BigInt64Array): BigInt64Array<ArrayBuffer> {
  const [rows, ranks] = indices.shape;
  if (indices.dtype !== "int64" || indices.shape.length !== 2 || !rows || !ranks) {
    throw new QuipuError(
      "SHAPE_MISMATCH",
      `a vote needs int64 indices of two axes, not ${indices.dtype} [${indices.shape.join(", ")}]`,
      { next: "name an output of a TopK of at least one row and k of at least 1" },
    );
  }
  const winners = new BigInt64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const votes = new Map<bigint, number>(); // keeps the order of first votes
    for (let rank = 0; rank < ranks; rank += 1) {
      const index = Number(indices.data[row * ranks + rank]);
      const label = labels[index];
      if (label === undefined) {
        throw new QuipuError(
          "SHAPE_MISMATCH",
          `index ${index} points past the ${labels.length} labels of the vote`,
          { next: "take the labels of the same rows that the model searches" },
        );
      }
      votes.set(label, (votes.get(label) ?? 0) + 1);
    }
    let most = 0;
    for (const [label, count] of votes) {
      if (count <= most) continue;
      most = count;
      winners[row] = label;
    }
  }
  return winners;
}
