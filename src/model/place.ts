/** Where a host stands and how far that statement can be trusted. */
import { z } from "zod";
import { label } from "./name.js";
import { time } from "./time.js";

export const country = z
  .string()
  .regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code in upper case, for example SG");

export const sites = ["private", "public"] as const;
export type Site = (typeof sites)[number];

/** Weakest first; a rule may ask for at least one of them. */
export const placeGrades = [
  "claimed",
  "operator-asserted",
  "provider-attested",
  "hardware-attested",
] as const;
export type PlaceGrade = (typeof placeGrades)[number];

export const place = z.strictObject({
  country,
  zone: z.string().max(63).default(""),
  site: z.enum(sites),
  grade: z.enum(placeGrades),
  /** From then on the grade counts as `claimed`; never without it. */
  gradeUntil: time.max(64).optional(),
  /** Who runs the host: the recipient of the data that jobs read there. */
  operator: label.optional(),
});
export type Place = z.infer<typeof place>;

/** Whether bytes that go from one to the other stay where they are; who vouches for it plays no part. */
export function isSamePlace(a: Place, b: Place): boolean {
  return (
    a.country === b.country && a.zone === b.zone && a.site === b.site && a.operator === b.operator
  );
}
