/** What belongs to a policy set besides its rules: the content of its `set.json`. */
import { z } from "zod";
import { digest } from "./data-set.js";
import { label } from "./name.js";
import { time } from "./time.js";

const algorithm = z.strictObject({
  /** Of the model or code, as jobs name it. */
  digest,
  name: label,
  /** Purposes for which it runs only when approved. */
  approvalFor: z.union([z.literal("any"), z.array(label).max(64)]).default("any"),
  approvals: z
    .array(
      z.strictObject({
        by: label,
        purposes: z.union([z.literal("any"), z.array(label).min(1).max(64)]),
        until: time,
      }),
    )
    .max(64)
    .default([]),
});
export type Algorithm = z.infer<typeof algorithm>;

export const policySet = z.strictObject({
  /** What a rule past its day of review does: refuse all that it concerns, or go on with a warning. */
  stale: z.enum(["refuse", "warn"]).default("refuse"),
  algorithms: z
    .array(algorithm)
    .max(10_000)
    .refine((all) => new Set(all.map((one) => one.digest)).size === all.length, {
      error: "two algorithms have the same digest",
    })
    .default([]),
});
export type PolicySet = z.infer<typeof policySet>;
