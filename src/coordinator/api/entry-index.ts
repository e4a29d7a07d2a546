import { QuipuError } from "../../base/errors.js";

/** Where in the log a page begins or ends; throws INVALID_ARGUMENT for what no entry is numbered by. */
export function entryIndex(index: bigint): number {
  if (index >= 0n && index <= 2n ** 52n) return Number(index);
  throw new QuipuError("INVALID_ARGUMENT", `the log has no entry ${index}`, {
    next: "give an index of at least 0",
  });
}
