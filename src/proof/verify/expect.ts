/** What a caller expects of a receipt besides that it holds: `country=SG`, `dataset=digits`. */
import { QuipuError } from "../../base/errors.js";
import { type FieldName, fieldNames } from "../../model/disclosure.js";
import { placeGrades } from "../../model/place.js";
import type { Statement } from "../../model/statement.js";
import { fieldOf } from "../receipt/disclosure.js";

export interface Expectation {
  readonly name: string;
  readonly value: string;
}

/** What is known of a receipt, by field; null where it says nothing of one. */
export type Fields = ReadonlyMap<FieldName, unknown>;

export function allFields(statement: Statement): Fields {
  return new Map(fieldNames.map((name) => [name, fieldOf(statement, name)]));
}

const facts: Readonly<Record<string, FieldName | ((fields: Fields) => string | undefined)>> = {
  country: "host.place.country",
  zone: "host.place.zone",
  site: "host.place.site",
  operator: "host.place.operator",
  grade: gradeIn,
  host: "host.name",
  job: "run.jobId",
  run: "run.id",
  outcome: "run.outcome",
  policy: "policyDigest",
  device: (fields) => known<readonly string[]>(fields, "execution.devices")?.join(","),
  backend: "execution.backend",
  determinism: "execution.determinism",
  arithmetic: "execution.arithmetic",
  dataset: (fields) => {
    const name = "buildDefinition.resolvedDependencies";
    return known<readonly { readonly name?: string }[]>(fields, name)?.[0]?.name;
  },
};

function known<Value>(fields: Fields, name: FieldName): Value | undefined {
  return (fields.get(name) ?? undefined) as Value | undefined;
}

/** `NAME=VALUE`; INVALID_ARGUMENT for a name that no receipt speaks of. */
export function parseExpectation(text: string): Expectation {
  const [name = "", ...rest] = text.split("=");
  if (Object.hasOwn(facts, name) && rest.length > 0) return { name, value: rest.join("=") };
  throw new QuipuError(
    "INVALID_ARGUMENT",
    `"${text.slice(0, 80)}" is nothing that can be expected`,
    {
      next: `write NAME=VALUE, where NAME is one of ${Object.keys(facts).join(", ")}`,
    },
  );
}

/** What holds, as text; throws VERIFICATION_FAILED with the first that does not. */
export function checkExpectations(fields: Fields, expected: readonly Expectation[]): string {
  for (const { name, value } of expected) {
    const fact = facts[name];
    const found = typeof fact === "function" ? fact(fields) : fact && known<string>(fields, fact);
    if (found !== undefined && meets(name, value, found)) continue;
    const said = found === undefined || found === "" ? "says nothing of it" : `says ${found}`;
    throw new QuipuError(
      "VERIFICATION_FAILED",
      `${name}=${value} was expected; the receipt ${said}`,
    );
  }
  return expected.map(({ name, value }) => `${name}=${value}`).join(", ");
}

/**
 * What it was worth when the run ended. Above what an operator's word gives, a grade counts only as far as
 * evidence of it is named.
 */
export function gradeOf(statement: Statement): string {
  return gradeIn(allFields(statement)) as string;
}

/** What is not shown counts for nothing; without the grade itself there is none. */
function gradeIn(fields: Fields): string | undefined {
  const stated = known<string>(fields, "host.place.grade");
  if (stated === undefined) return undefined;
  const evidence = known<readonly { readonly grade: string }[]>(fields, "host.evidence") ?? [];
  const shown = ["operator-asserted", ...evidence.map(({ grade }) => grade)];
  const best = shown.reduce((one, other) => (rank(other) > rank(one) ? other : one));
  const grade = rank(stated) > rank(best) ? best : stated;
  return isOver(fields) ? "claimed" : grade;
}

/** A run that says to have ended at a moment that no calendar has did not end before this one. */
function isOver(fields: Fields): boolean {
  // Where it is not shown until when the grade holds, it may be over.
  if (!fields.has("host.place.gradeUntil")) return true;
  const until = known<string>(fields, "host.place.gradeUntil");
  const finished = known<string>(fields, "runDetails.metadata.finishedOn") ?? "";
  return until !== undefined && !(Date.parse(finished) < Date.parse(until));
}

/** A grade is met by a better one. */
function meets(name: string, value: string, found: string): boolean {
  if (name !== "grade") return value === found;
  return rank(value) >= 0 && rank(found) >= rank(value);
}

function rank(grade: string): number {
  return (placeGrades as readonly string[]).indexOf(grade);
}
