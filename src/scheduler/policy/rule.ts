/**
 * Policy files → rules. Cedar itself ignores annotations; here they are the stable name of a rule
 * (`@id`), the sentence that people read when it refuses (`@says`), and the law behind it.
 */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { QuipuError } from "../../base/errors.js";
import { schemaText } from "./schema.js";

export interface Rule {
  readonly id: string;
  readonly effect: "permit" | "forbid";
  readonly says: string;
  /** Law, article, source and date of reading, in one line; absent where no law stands behind it. */
  readonly law?: string;
  readonly file: string;
  readonly policy: cedar.PolicyJson;
}

export const policyLimits = Object.freeze({
  filesMax: 256,
  fileBytesMax: 256 * 1024,
  rulesMax: 2_000,
});

/** Prefixes that name a filter of placement or a refusal of the engine itself. */
const reserved = ["data.", "device.", "engine.", "fleet.", "host.", "place.", "placement."];
const known = new Set(["id", "says", "law", "article", "source", "asOf"]);
const idPattern = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+$/;

/** All rules in order of file name, then position: the order in which refusals are named. */
export function parseRules(files: Readonly<Record<string, string>>): readonly Rule[] {
  const names = Object.keys(files).sort();
  if (names.length > policyLimits.filesMax) {
    throw wrong(`${names.length} policy files; at most ${policyLimits.filesMax} are read`);
  }
  const rules = names.flatMap((name) => parseFile(name, files[name] ?? ""));
  if (rules.length > policyLimits.rulesMax) {
    throw wrong(`${rules.length} rules; at most ${policyLimits.rulesMax} are read`);
  }
  const first = new Map<string, string>();
  for (const { id, file } of rules) {
    const other = first.get(id);
    if (other !== undefined) throw wrong(`rule id ${id} stands in both ${other} and ${file}`, file);
    first.set(id, file);
  }
  return rules;
}

function parseFile(file: string, text: string): Rule[] {
  if (Buffer.byteLength(text) > policyLimits.fileBytesMax) {
    throw wrong(`${file}: larger than ${policyLimits.fileBytesMax} bytes`, file);
  }
  checkText(file, text);
  const parts = cedar.policySetTextToParts(text);
  if (parts.type === "failure") throw cedarError(file, text, parts.errors);
  return parts.policies
    .map((source) => ({ source, at: text.indexOf(source) })) // Cedar sorts them by generated names
    .sort((a, b) => a.at - b.at)
    .map(({ source, at }) => parseRule(file, source, text.slice(0, at).split("\n").length));
}

/** Parses and type-checks one file; a warning (a rule that can never apply) counts as an error. */
function checkText(file: string, text: string): void {
  const answer = cedar.validate({ schema: schemaText, policies: { staticPolicies: text } });
  if (answer.type === "failure") throw cedarError(file, text, answer.errors);
  const problems = [...answer.validationErrors, ...answer.validationWarnings];
  if (problems.length > 0) {
    throw cedarError(
      file,
      text,
      problems.map(({ error }) => error),
    );
  }
}

function parseRule(file: string, source: string, line: number): Rule {
  const answer = cedar.policyToJson(source);
  if (answer.type === "failure") throw cedarError(file, source, answer.errors);
  const { annotations = {}, effect } = answer.json;
  const where = `${file}:${line}`;
  // JSON numbers here are doubles: a larger constant would silently become another one.
  if (hasUnsafeNumber(answer.json)) {
    throw wrong(`${where}: whole numbers in rules go up to ${Number.MAX_SAFE_INTEGER}`, file);
  }
  for (const key of Object.keys(annotations)) {
    if (!known.has(key)) {
      throw wrong(
        `${where}: unknown annotation @${key}; known are @${[...known].join(" @")}`,
        file,
      );
    }
  }
  const { id, says } = annotations;
  if (id === undefined || !idPattern.test(id)) {
    throw wrong(`${where}: each rule needs an @id such as "residency.personal"`, file);
  }
  if (reserved.some((prefix) => id.startsWith(prefix))) {
    throw wrong(
      `${where}: rule id ${id} begins with a reserved word (${reserved.join(" ")})`,
      file,
    );
  }
  if (!says) throw wrong(`${where}: rule ${id} needs @says, the sentence people will read`, file);
  const law = legalBasis(where, file, annotations);
  return { id, effect, says, file, policy: answer.json, ...(law === undefined ? {} : { law }) };
}

function hasUnsafeNumber(value: unknown): boolean {
  if (typeof value === "number") return !Number.isSafeInteger(value);
  return typeof value === "object" && value !== null && Object.values(value).some(hasUnsafeNumber);
}

function legalBasis(where: string, file: string, notes: cedar.Annotations): string | undefined {
  const { law, article, source, asOf } = notes;
  if (law === undefined) {
    if ((article ?? source ?? asOf) === undefined) return undefined;
    throw wrong(`${where}: @article, @source and @asOf go with @law`, file);
  }
  if (!source || !/^\d{4}-\d{2}-\d{2}$/.test(asOf ?? "")) {
    throw wrong(`${where}: @law needs @source and @asOf (the day it was read, YYYY-MM-DD)`, file);
  }
  return `${law}${article ? ` ${article}` : ""} (${source}, read ${asOf})`;
}

/** Cedar's own message with file and line. */
function cedarError(file: string, text: string, errors: readonly cedar.DetailedError[]) {
  const lines = errors.map((error) => {
    const start = error.sourceLocations?.[0]?.start;
    const line =
      start === undefined
        ? ""
        : `:${Buffer.from(text).subarray(0, start).toString().split("\n").length}`;
    return `${file}${line}: ${error.message}${error.help ? `; ${error.help}` : ""}`;
  });
  return wrong(lines.join("\n"), file);
}

function wrong(message: string, file?: string): QuipuError {
  return new QuipuError("INVALID_ARGUMENT", message, {
    next: "mend the policy; the set in force is unchanged",
    ...(file === undefined ? {} : { details: { file } }),
  });
}
