/**
 * Which fields of a receipt can be shown one by one, and the statement that a host signs beside a receipt
 * so that they can: the root of a hash tree with a salted leaf for each. Frozen (docs/receipt.md §11): a
 * field's leaf is its place in this list, whether the receipt has it or not, so that not even the number of
 * leaves tells anything.
 */
import { z } from "zod";
import { computeRunType, hex64, statement, statementType } from "./statement.js";

export const disclosureType = "https://quipu.dev/disclosure/v1";

/** Paths in a receipt's predicate, and the outputs as `subject`. What all receipts share has no leaf. */
export const fieldNames = [
  "subject",
  "buildDefinition.externalParameters.job",
  "buildDefinition.resolvedDependencies",
  "runDetails.builder.version.quipud",
  "runDetails.metadata.startedOn",
  "runDetails.metadata.finishedOn",
  "runDetails.byproducts",
  "run.id",
  "run.epoch",
  "run.jobId",
  "run.jobDigest",
  "run.outcome",
  "run.failure",
  "host.name",
  "host.place.country",
  "host.place.zone",
  "host.place.site",
  "host.place.grade",
  "host.place.gradeUntil",
  "host.place.operator",
  "host.evidence",
  "host.clock",
  "policyDigest",
  "priceBookDigest",
  "isolation",
  "execution.driver",
  "execution.engine",
  "execution.devices",
  "execution.backend",
  "execution.determinism",
  "execution.arithmetic",
  "usage.wallMs",
  "usage.deviceMs",
  "usage.cpuMs",
  "usage.inputBytes",
  "usage.outputBytes",
  "privacy",
] as const;
export type FieldName = (typeof fieldNames)[number];

/** Fields that are asked for together. */
export const fieldGroups: Readonly<Record<string, readonly FieldName[]>> = {
  place: fieldNames.filter((name) => name.startsWith("host.place.") || name === "host.evidence"),
  time: ["runDetails.metadata.startedOn", "runDetails.metadata.finishedOn", "host.clock"],
  amount: [...fieldNames.filter((name) => name.startsWith("usage.")), "priceBookDigest"],
};

export const disclosure = z.strictObject({
  _type: z.literal(statementType),
  /** The receipt, by the digest that its log entry has: of its pre-authentication encoding. */
  subject: z.tuple([
    z.strictObject({ name: z.literal("receipt"), digest: z.strictObject({ sha256: hex64 }) }),
  ]),
  predicateType: z.literal(disclosureType),
  predicate: z.strictObject({
    statementType: z.literal(computeRunType),
    leaves: z.literal(fieldNames.length),
    root: hex64,
  }),
});
export type Disclosure = z.infer<typeof disclosure>;

/** What a field must look like; null where it may be absent and is. */
export const fieldForms: Readonly<Record<FieldName, z.ZodType>> = Object.fromEntries(
  fieldNames.map((name) => [name, formOf(name)]),
) as Record<FieldName, z.ZodType>;

function formOf(name: FieldName): z.ZodType {
  if (name === "subject") return statement.shape.subject;
  let form: z.ZodType = statement.shape.predicate;
  let mayLack = false;
  for (const step of name.split(".")) {
    form = (form as z.ZodObject).shape[step] as z.ZodType;
    if (!(form instanceof z.ZodOptional)) continue;
    mayLack = true;
    form = form.unwrap() as z.ZodType;
  }
  return mayLack ? form.nullable() : form;
}

export function isFieldName(name: string): name is FieldName {
  return Object.hasOwn(fieldForms, name);
}
