/**
 * What it costs to bring bytes from one place to another, as rows of a price book. Whole numbers,
 * rounded up once for all that a run brings.
 */
import { z } from "zod";
import { label } from "./name.js";
import { country, isSamePlace, type Place, sites } from "./place.js";

/** A side of a way; it matches what it leaves out. */
const side = z.strictObject({
  country: country.optional(),
  zone: z.string().max(63).optional(),
  site: z.enum(sites).optional(),
  operator: label.optional(),
});
type Side = z.infer<typeof side>;

export const egressRow = z.strictObject({
  from: side.optional(),
  to: side.optional(),
  nanosPerGigabyte: z
    .int()
    .nonnegative()
    .max(10 ** 12)
    .describe("of 10^9 bytes, in billionths of the currency's unit"),
});
export type EgressRow = z.infer<typeof egressRow>;

/** An input that a run brings to its host. */
export interface Pull {
  readonly sizeBytes: number;
  /** Absent: nobody knows where it lies, as of what the coordinator keeps. */
  readonly from?: { readonly host: string; readonly place: Place };
  /** Other hosts that are known to hold it, ascending; absent: none. */
  readonly held?: readonly string[];
}

export interface Egress {
  readonly currency: string;
  /** Billionths of its unit; from 2^53 on as decimal digits. */
  readonly nanos: number | string;
}

const gigabyte = 10n ** 9n;

/** In billionths; a host keeps for nothing what it has made. What it may have kept else is counted. */
export function egressCost(
  rows: readonly EgressRow[],
  pulls: readonly Pull[],
  to: { readonly name: string; readonly place: Place },
): bigint {
  let sum = 0n;
  for (const { sizeBytes, from } of pulls) {
    if (from?.host === to.name) continue;
    sum += BigInt(sizeBytes) * BigInt(rateBetween(rows, from?.place, to.place));
  }
  return (sum + gigabyte - 1n) / gigabyte;
}

/** Whether bytes that stay in this place cost something: a host is then not as good as its neighbours. */
export function costsWithin(rows: readonly EgressRow[], place: Place): boolean {
  return rateBetween(rows, place, place) > 0;
}

/**
 * The first row that matches says it, and nothing else costs anything. Of bytes that stay in one place
 * only a row says it that names both sides, so that a last row can speak of all that leaves one.
 */
function rateBetween(rows: readonly EgressRow[], from: Place | undefined, to: Place): number {
  const stays = from !== undefined && isSamePlace(from, to);
  const row = rows.find(
    (one) =>
      matches(one.from, from) &&
      matches(one.to, to) &&
      (!stays || (one.from !== undefined && one.to !== undefined)),
  );
  return row?.nanosPerGigabyte ?? 0;
}

/** A place that nobody knows is matched only by a row that does not ask for one. */
function matches(side: Side | undefined, place: Place | undefined): boolean {
  if (side === undefined) return true;
  if (place === undefined) return false;
  return (
    (side.country ?? place.country) === place.country &&
    (side.zone ?? place.zone) === place.zone &&
    (side.site ?? place.site) === place.site &&
    (side.operator ?? place.operator) === place.operator
  );
}

/** As JSON holds it exactly. */
export function exactNumber(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}
