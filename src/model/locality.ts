/**
 * From how far a run's inputs come to its host, where money does not say it: what lies on the host, what
 * comes from its own place, from its country, or from elsewhere. Whole numbers, the same for everyone.
 */
import type { Pull } from "./egress.js";
import { isSamePlace, type Place } from "./place.js";

/** Bytes that a host would have to fetch, by where they come from; all 0 where it has everything. */
export interface Fetch {
  /** From the same country, zone, site and operator. */
  readonly siteBytes: number;
  readonly countryBytes: number;
  /** From another country, or from a place that nobody knows. */
  readonly farBytes: number;
}

export const noFetch: Fetch = Object.freeze({ siteBytes: 0, countryBytes: 0, farBytes: 0 });

export function fetchTo(
  to: { readonly name: string; readonly place: Place },
  pulls: readonly Pull[],
): Fetch {
  let sum = noFetch;
  for (const pull of pulls) {
    if (liesOn(pull, to.name)) continue;
    const from = distanceOf(pull, to.place);
    sum = { ...sum, [from]: sum[from] + pull.sizeBytes };
  }
  return sum;
}

/** Whether a host has it already: it made it, or is known to have taken it in. */
function liesOn({ from, held }: Pull, host: string): boolean {
  return from?.host === host || held?.includes(host) === true;
}

/** It is fetched from where it was made, whoever else may hold it. */
function distanceOf({ from }: Pull, to: Place): keyof Fetch {
  if (from === undefined || from.place.country !== to.country) return "farBytes";
  return isSamePlace(from.place, to) ? "siteBytes" : "countryBytes";
}

/** A byte of the same country weighs like 4 of the same place, one from elsewhere like 16. */
export function fetchWeight({ siteBytes, countryBytes, farBytes }: Fetch): bigint {
  return BigInt(siteBytes) + 4n * BigInt(countryBytes) + 16n * BigInt(farBytes);
}
