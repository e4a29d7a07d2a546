/**
 * What a coordinator itself signs and logs: how a job ended that no host could speak for, and what operators
 * did to the fleet. in-toto statements like receipts, of two types of their own. Frozen (docs/receipt.md §10).
 */
import { z } from "zod";
import { digest } from "./data-set.js";
import { name } from "./name.js";
import { country } from "./place.js";
import { hex64, statementTime, statementType } from "./statement.js";

export const jobEndType = "https://quipu.dev/job-end/v1";
export const actType = "https://quipu.dev/act/v1";

const text = z.string().max(2000);
/** The log's name: whose coordinator speaks. */
const coordinator = z.string().min(1).max(255);

const jobEnd = z.strictObject({
  _type: z.literal(statementType),
  subject: z.tuple([
    z.strictObject({ name: z.literal("job"), digest: z.strictObject({ sha256: hex64 }) }),
  ]),
  predicateType: z.literal(jobEndType),
  predicate: z.strictObject({
    coordinator,
    at: statementTime,
    job: z.strictObject({
      id: z.string().regex(/^job-[0-9a-z]{1,32}$/),
      owner: z.string().min(1).max(63),
      digest,
    }),
    outcome: z.enum(["cancelled", "refused", "lost"]),
    failure: z.strictObject({ code: z.string().regex(/^[A-Z_]{1,64}$/), message: text }).optional(),
    /** Why it was cancelled, in its owner's words. */
    reason: text.optional(),
    /** Runs that were granted. */
    attempts: z.int().nonnegative(),
    lastRun: z
      .strictObject({ id: z.string().regex(/^run-[0-9a-z]{1,32}$/), host: name, country })
      .optional(),
    /** The newest record about it, and the rules by which it was made. */
    decision: z
      .strictObject({ digest: z.strictObject({ sha256: hex64 }), policyDigest: digest })
      .optional(),
  }),
});

export const actKinds = [
  "audit.agreed",
  "audit.decided",
  "audit.disputed",
  "audit.unanswered",
  "audit.undecided",
  "data-set.add",
  "host.cordon",
  "host.uncordon",
  "key.register",
  "key.revoke",
  "policy.apply",
  "quota.remove",
  "quota.set",
  "receipt.erase",
] as const;
export type ActKind = (typeof actKinds)[number];

const act = z.strictObject({
  _type: z.literal(statementType),
  /** What it is about, and the digest of what it made so. */
  subject: z.tuple([
    z.strictObject({
      name: z.string().min(1).max(255),
      digest: z.strictObject({ sha256: hex64 }),
    }),
  ]),
  predicateType: z.literal(actType),
  predicate: z.strictObject({
    coordinator,
    at: statementTime,
    id: z.string().regex(/^act-[0-9a-z]{1,32}$/),
    kind: z.enum(actKinds),
    details: z.record(z.string().min(1).max(64), text),
  }),
});

export const notice = z.discriminatedUnion("predicateType", [jobEnd, act]);
export type Notice = z.infer<typeof notice>;
export type JobEnd = z.infer<typeof jobEnd>;
export type Act = z.infer<typeof act>;
