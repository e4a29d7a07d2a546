/** What bringing a job's inputs to a host costs, where the price book in force says what bytes cost. */
import { weighsLocality } from "../../model/decision.js";
import { costsWithin, egressCost } from "../../model/egress.js";
import type { HostView } from "../../model/host.js";
import type { Wish } from "./devices.js";

/** Undefined where no book says it, or nothing is brought. */
export function egressOf({ book, bounds }: Wish, host: HostView): bigint | undefined {
  if (bounds.pulls === undefined || book?.egress === undefined) return undefined;
  return egressCost(book.egress, bounds.pulls, host);
}

/**
 * Whether a host that holds an input is worth something else than those that are like it. For records
 * before locality: since then it always is.
 */
export function holderIsApart({ book, bounds, version }: Omit<Wish, "job">): boolean {
  const rows = book?.egress;
  if (bounds.pulls === undefined || rows === undefined || weighsLocality(version)) return false;
  return bounds.pulls.some(({ from }) => from !== undefined && costsWithin(rows, from.place));
}
