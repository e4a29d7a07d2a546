/**
 * Files of cases for `quipu policy test`: what is asked, and what the rules should answer. What the
 * cases of a document share stands once under `given`; a case's own words go over it, and null takes
 * a word away (RFC 7386).
 */
import { z } from "zod";
import { type DataSet, dataClasses, dataSet, digest } from "../../model/data-set.js";
import { jobSpec } from "../../model/job.js";
import { label } from "../../model/name.js";
import { country, place } from "../../model/place.js";
import { persons, terms } from "../../model/terms.js";
import { time } from "../../model/time.js";
import type { PolicyEngine } from "../../scheduler/policy/engine.js";
import type { Verdict } from "../../scheduler/policy/verdict.js";
import { readYaml } from "../yaml-file.js";

const name = z.string().min(1).max(200);

const policyCase = z
  .strictObject({
    name,
    at: time,
    job: z
      .strictObject({
        owner: label.default("local"),
        purpose: label.default("unspecified"),
        model: digest.optional(),
      })
      .prefault({}),
    data: z
      .strictObject({
        class: z.enum(dataClasses),
        owner: label.default("local"),
        countries: dataSet.shape.countries.default([]),
        terms: terms.optional(),
      })
      .optional(),
    counts: z
      .strictObject({
        personsThisYear: persons.optional(),
        usesSoFar: z.int().nonnegative().optional(),
      })
      .default({}),
    /** Where the job is to run… */
    runOn: place.extend({ grade: place.shape.grade.default("operator-asserted") }).optional(),
    /** …or where what it made is to go. */
    export: z
      .strictObject({
        to: country,
        from: country.optional(),
        recipient: label.optional(),
        what: z.enum(["output", "artifact", "log", "checkpoint", "model-update"]).default("output"),
      })
      .optional(),
    expect: z.string().min(1).describe("allowed, refused, or the id of the rule that refuses"),
  })
  .refine((one) => (one.runOn === undefined) !== (one.export === undefined), {
    error: "asks either runOn or export",
  });
type PolicyCase = z.infer<typeof policyCase>;

const caseDocument = z
  .strictObject({
    given: z.record(z.string(), z.unknown()).default({}),
    cases: z.array(z.looseObject({ name })).min(1).max(10_000),
  })
  .transform(({ given, cases }, context) =>
    cases.flatMap((own, index): PolicyCase[] => {
      const parsed = policyCase.safeParse(merged(given, own));
      if (parsed.success) return [parsed.data];
      for (const { path, message } of parsed.error.issues) {
        context.issues.push({
          ...{ code: "custom", message, input: own },
          path: ["cases", index, ...path],
        });
      }
      return [];
    }),
  );

export interface CaseResult {
  readonly name: string;
  readonly expected: string;
  readonly found: string;
  readonly text: string;
  readonly passed: boolean;
}

/** Puts every case of the file before the rules. */
export async function runCases(file: string, policy: PolicyEngine): Promise<CaseResult[]> {
  const documents = await readYaml(file, { what: "cases", schema: caseDocument });
  return documents.flat().map((one) => {
    const verdict = ask(policy, one);
    const found = verdict.allowed ? "allowed" : verdict.rule;
    const passed = found === one.expect || (one.expect === "refused" && !verdict.allowed);
    const text = verdict.allowed ? `permitted by ${verdict.rules.join(", ")}` : verdict.text;
    return { name: one.name, expected: one.expect, found, text, passed };
  });
}

function ask(policy: PolicyEngine, one: PolicyCase): Verdict {
  const { at, counts, runOn, export: leaving } = one;
  const data = one.data && dataSetOf(one.data);
  const { model, ...words } = one.job;
  const job = jobSpec.parse({
    ...{ version: "quipu.dev/v1", name: "case", ...words },
    ...(data === undefined ? {} : { dataSet: data.name }),
    task: model === undefined ? { driver: "hash" } : { driver: "tensor", model, inputs: {} },
  });
  const asked = { job, dataSet: data, at, counts };
  if (runOn !== undefined) return policy.runOn({ ...asked, host: { name: "case", place: runOn } });
  const { to = "", from, recipient, what = "output" } = leaving ?? {};
  return policy.exportTo({
    ...asked,
    ...{ destinationCountry: to, fromCountry: from, recipient, what },
  });
}

/** Rules see nothing of what the data set holds. */
function dataSetOf({ class: dataClass, ...stated }: NonNullable<PolicyCase["data"]>): DataSet {
  const content = {
    manifestDigest: `sha256:${"0".repeat(64)}`,
    merkleRoot: "0".repeat(64),
  } as const;
  return { name: "case", dataClass, ...stated, ...content, sizeBytes: 0, files: 0 };
}

function merged(given: unknown, own: unknown): unknown {
  if (!isRecord(own)) return own;
  const result: Record<string, unknown> = isRecord(given) ? { ...given } : {};
  for (const [key, value] of Object.entries(own)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
