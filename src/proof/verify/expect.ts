/** What a caller expects of a receipt besides that it holds: `country=SG`, `dataset=digits`. */
import { QuipuError } from "../../base/errors.js";
import { placeGrades } from "../../model/place.js";
import type { Statement } from "../../model/statement.js";

export interface Expectation {
  readonly name: string;
  readonly value: string;
}

/** What a receipt says of each name; undefined where it says nothing. */
const facts: Readonly<Record<string, (statement: Statement) => string | undefined>> = {
  country: ({ predicate }) => predicate.host.place.country,
  zone: ({ predicate }) => predicate.host.place.zone,
  site: ({ predicate }) => predicate.host.place.site,
  operator: ({ predicate }) => predicate.host.place.operator,
  grade: gradeOf,
  host: ({ predicate }) => predicate.host.name,
  job: ({ predicate }) => predicate.run.jobId,
  run: ({ predicate }) => predicate.run.id,
  outcome: ({ predicate }) => predicate.run.outcome,
  policy: ({ predicate }) => predicate.policyDigest,
  device: ({ predicate }) => predicate.execution?.devices.join(","),
  backend: ({ predicate }) => predicate.execution?.backend,
  determinism: ({ predicate }) => predicate.execution?.determinism,
  arithmetic: ({ predicate }) => predicate.execution?.arithmetic,
  dataset: ({ predicate }) => {
    const [first] = predicate.buildDefinition.resolvedDependencies;
    return first !== undefined && "name" in first ? first.name : undefined;
  },
};

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
export function checkExpectations(statement: Statement, expected: readonly Expectation[]): string {
  for (const { name, value } of expected) {
    const found = facts[name]?.(statement);
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
export function gradeOf({ predicate: { host, runDetails } }: Statement): string {
  const { grade: stated, gradeUntil } = host.place;
  const shown = ["operator-asserted", ...host.evidence.map(({ grade }) => grade)];
  const best = shown.reduce((one, other) => (rank(other) > rank(one) ? other : one));
  const grade = rank(stated) > rank(best) ? best : stated;
  // A run that says to have ended at a moment that no calendar has did not end before this one.
  const isOver =
    gradeUntil !== undefined &&
    !(Date.parse(runDetails.metadata.finishedOn) < Date.parse(gradeUntil));
  return isOver ? "claimed" : grade;
}

/** A grade is met by a better one. */
function meets(name: string, value: string, found: string): boolean {
  if (name !== "grade") return value === found;
  return rank(value) >= 0 && rank(found) >= rank(value);
}

function rank(grade: string): number {
  return (placeGrades as readonly string[]).indexOf(grade);
}
