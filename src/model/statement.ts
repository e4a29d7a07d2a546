/**
 * What a receipt says: an in-toto Statement v1 whose predicate has the shape of SLSA provenance v1,
 * extended by what a computation on a fleet must answer for. Frozen (docs/receipt.md): receipts are
 * read years later, so a field is never renamed, and one that is not known here is refused.
 */
import { z } from "zod";
import { dataClasses, digest } from "./data-set.js";
import { name } from "./name.js";
import { place, placeGrades } from "./place.js";

export const statementType = "https://in-toto.io/Statement/v1";
export const computeRunType = "https://quipu.dev/compute-run/v1";
export const jobBuildType = "https://quipu.dev/job/v1";

export const hex64 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");
const text = z.string().max(2000);
const count = z.int().nonnegative();
/** A whole number of some unit; beyond what a JSON number holds exactly, in decimal digits. */
const meter = z.union([
  count,
  z
    .string()
    .regex(/^[1-9][0-9]{15,38}$/, { error: "must be a whole number", abort: true })
    .refine((digits) => BigInt(digits) > BigInt(Number.MAX_SAFE_INTEGER), {
      error: "must be a JSON number where one holds it",
    }),
]);
/** A number of at least 0 as decimal digits, for what is never computed with in binary. */
const decimal = z.string().regex(/^(0|[1-9][0-9]{0,17})(\.[0-9]{0,17}[1-9])?$/, "must be decimal");
export const statementTime = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/, "must be an RFC 3339 time in UTC");

/** An output; without any, the one subject is the job itself. */
const outputSubject = z.strictObject({
  name: z.string().min(1).max(1024),
  digest: z.strictObject({ sha256: hex64, blake3: hex64 }),
  mediaType: z.string().min(1).max(255),
  annotations: z.strictObject({ sizeBytes: count }),
});
const jobSubject = z.strictObject({
  name: z.literal("job"),
  digest: z.strictObject({ sha256: hex64 }),
});

const dependency = z.union([
  z.strictObject({
    name,
    digest: z.strictObject({ sha256: hex64 }),
    annotations: z.strictObject({
      kind: z.literal("data-set-manifest"),
      dataClass: z.enum(dataClasses),
    }),
  }),
  z.strictObject({
    digest: z.strictObject({ sha256: hex64 }),
    annotations: z.strictObject({ kind: z.literal("artifact") }),
  }),
]);

const predicate = z.strictObject({
  buildDefinition: z.strictObject({
    buildType: z.literal(jobBuildType),
    // The job is opaque here: its digest is checked, its fields belong to its own version.
    externalParameters: z.strictObject({ job: z.looseObject({ version: z.string().max(64) }) }),
    resolvedDependencies: z.array(dependency).max(1024),
  }),
  runDetails: z.strictObject({
    builder: z.strictObject({
      id: z.url().max(255),
      version: z.strictObject({ quipud: z.string().min(1).max(64) }),
    }),
    metadata: z.strictObject({
      invocationId: z.string().max(64),
      startedOn: statementTime,
      finishedOn: statementTime,
    }),
    byproducts: z
      .array(
        z.strictObject({
          name: z.literal("decision"),
          digest: z.strictObject({ sha256: hex64 }),
          mediaType: z.literal("application/json"),
        }),
      )
      .length(1),
  }),
  run: z.strictObject({
    id: z.string().regex(/^run-[0-9a-z]{1,32}$/),
    epoch: z.int().positive(),
    jobId: z.string().regex(/^job-[0-9a-z]{1,32}$/),
    jobDigest: digest,
    outcome: z.enum(["succeeded", "failed", "cancelled"]),
    failure: z.strictObject({ code: z.string().regex(/^[A-Z_]{1,64}$/), message: text }).optional(),
  }),
  // Without defaults: what a receipt says, it says itself.
  host: z.strictObject({
    name,
    place: place.extend({ zone: z.string().max(63) }),
    /** What stands behind the grade of the place; empty: the word of whoever set it. */
    evidence: z
      .array(
        z.strictObject({
          type: z.string().min(1).max(64),
          grade: z.enum(placeGrades),
          digest: z.strictObject({ sha256: hex64 }),
        }),
      )
      .max(16),
    /** Ahead of the coordinator's clock by so much, give or take. */
    clock: z.strictObject({ offsetMs: z.int(), uncertaintyMs: count }).optional(),
  }),
  policyDigest: digest,
  /** Of the price book in force when the run was placed. */
  priceBookDigest: digest.optional(),
  isolation: z.enum(["none", "process"]),
  /** What computed the outputs; present when the run succeeded. */
  execution: z
    .strictObject({
      driver: z.string().min(1).max(64),
      /** Version of the program that computed. */
      engine: z.string().min(1).max(64),
      devices: z.array(z.string().min(1).max(64)).min(1).max(64),
      backend: z.string().min(1).max(64),
      determinism: z.enum(["bitwise", "none"]),
      arithmetic: z.string().max(64),
    })
    .optional(),
  usage: z.strictObject({
    wallMs: meter,
    /** For how long devices were held, added up. */
    deviceMs: meter,
    cpuMs: meter,
    inputBytes: meter,
    outputBytes: meter,
  }),
  /** Differential privacy that the run spent of its data's budget. */
  privacy: z
    .strictObject({ mechanism: z.string().min(1).max(64), epsilon: decimal, delta: decimal })
    .optional(),
});

export const statement = z.strictObject({
  _type: z.literal(statementType),
  subject: z.union([z.array(outputSubject).min(1).max(4096), z.tuple([jobSubject])]),
  predicateType: z.literal(computeRunType),
  predicate,
});
export type Statement = z.infer<typeof statement>;
