/** A data set: what it is, whose it is, and where its owner lets it be processed. */
import { z } from "zod";
import { label, name } from "./name.js";
import { country } from "./place.js";
import { terms } from "./terms.js";

/** Least protected first. */
export const dataClasses = ["public", "internal", "personal", "sensitive"] as const;
export type DataClass = (typeof dataClasses)[number];

export const digest = z
  .templateLiteral(["sha256:", z.string().regex(/^[0-9a-f]{64}$/)])
  .describe("sha256: and 64 lower-case hexadecimal digits");

export const dataSet = z.strictObject({
  name,
  dataClass: z.enum(dataClasses),
  owner: label,
  /**
   * Where it may be processed. Empty: anywhere if the class is public, on private sites if it is
   * internal, nowhere if it is personal or sensitive.
   */
  countries: z.array(country).max(249),
  terms: terms.optional(),
  manifestDigest: digest,
  merkleRoot: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.int().nonnegative(),
  files: z.int().nonnegative(),
});
export type DataSet = z.infer<typeof dataSet>;
