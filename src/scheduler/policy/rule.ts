/**
 * One Cedar policy → one rule. Cedar itself ignores annotations; here they are the stable name of a
 * rule (`@id`), the sentence that people read when it refuses (`@says`), and the law behind it.
 */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";

export interface Rule {
  readonly id: string;
  readonly effect: "permit" | "forbid";
  readonly says: string;
  /** Law, article, source and date of reading, in one line; absent where no law stands behind it. */
  readonly law?: string;
  /** Day by which the law has to be read again, YYYY-MM-DD. */
  readonly review?: string;
  readonly file: string;
  readonly line: number;
  /** As it was written. */
  readonly text: string;
  readonly policy: cedar.PolicyJson;
}

/** Prefixes that name a filter of placement or a refusal of the engine itself. */
const reserved = ["data.", "device.", "engine.", "fleet.", "host.", "place.", "placement."];
const known = new Set(["id", "says", "law", "article", "source", "asOf", "review"]);
/** Of a rule's JSON. Cedar reads 128 levels, and rules are put together before they are asked. */
const nestingMax = 110;
const idPattern = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+$/;

/** The rule, or the sentences that say why it is none. */
export function readRule(text: string, file: string, line: number): Rule | readonly string[] {
  const answer = cedar.policyToJson(text);
  if (answer.type === "failure") return answer.errors.map(({ message }) => message);
  const { annotations: notes = {}, effect } = answer.json;
  const { id = "", says = "", review } = notes;
  const faults = [
    // JSON numbers here are doubles: a larger constant would silently become another one.
    hasUnsafeNumber(answer.json) && `whole numbers in rules go up to ${Number.MAX_SAFE_INTEGER}`,
    depthOf(answer.json) > nestingMax &&
      'nested too deeply; write a long list of alternatives as a set: ["a", "b"].contains(…)',
    ...Object.keys(notes).map(
      (key) => !known.has(key) && `unknown annotation @${key}; known are @${[...known].join(" @")}`,
    ),
    !idPattern.test(id) && 'each rule needs an @id such as "residency.personal"',
    reserved.some((prefix) => id.startsWith(prefix)) &&
      `rule id ${id} begins with a reserved word (${reserved.join(" ")})`,
    !says && `rule ${id} needs @says, the sentence people will read`,
    ...lawFaults(notes),
  ].filter((fault) => typeof fault === "string");
  if (faults.length > 0) return faults;
  const law = legalBasis(notes);
  return {
    ...{ id, effect, says, file, line, text, policy: answer.json },
    ...(law === undefined ? {} : { law }),
    ...(review ? { review } : {}),
  };
}

function hasUnsafeNumber(value: unknown): boolean {
  if (typeof value === "number") return !Number.isSafeInteger(value);
  return typeof value === "object" && value !== null && Object.values(value).some(hasUnsafeNumber);
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function lawFaults({ law, article, source, asOf, review }: cedar.Annotations) {
  if (law === undefined) {
    const alone = (article ?? source ?? asOf ?? review) !== undefined;
    return [alone && "@article, @source, @asOf and @review go with @law"];
  }
  return [
    (!source || !isDay(asOf)) && "@law needs @source and @asOf (the day it was read, YYYY-MM-DD)",
    review !== undefined && !isDay(review) && "@review is a day, YYYY-MM-DD",
  ];
}

function legalBasis({ law, article, source, asOf }: cedar.Annotations): string | undefined {
  if (law === undefined) return undefined;
  return `${law}${article ? ` ${article}` : ""} (${source}, read ${asOf})`;
}

function isDay(text: string | null | undefined): boolean {
  if (typeof text !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
