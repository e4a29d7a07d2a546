/** Moments in documents. */
import { z } from "zod";

export const time = z.iso
  .datetime("must be a moment in UTC, for example 2027-01-31T00:00:00Z")
  .describe("RFC 3339 in UTC");

/** Milliseconds since 1970; NaN for what is no moment, so that every comparison with it is false. */
export function timeMs(text: string): number {
  return time.safeParse(text).success ? Date.parse(text) : Number.NaN;
}
