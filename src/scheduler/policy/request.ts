/**
 * Job, data set and place at one moment → the facts that rules see. Each fact is checked here,
 * whatever its type says: a request with a missing or unknown fact never reaches a rule, so no rule
 * can be passed by leaving out what it looks at. What may be unknown is left out, never made up.
 */
import { type DataSet, dataSet as dataSetShape } from "../../model/data-set.js";
import type { JobSpec } from "../../model/job.js";
import { type Place, placeGrades, place as placeShape } from "../../model/place.js";
import type { Terms } from "../../model/terms.js";
import { timeMs } from "../../model/time.js";
import { type BasisFacts, holds } from "./basis.js";
import { isCountry } from "./country.js";
import { type Refusal, refuse } from "./verdict.js";

/** What of a data set's terms rules see as it stands. */
const statedTerms = [
  "origin",
  "persons",
  "importantData",
  "criticalOperator",
  "domesticAdded",
  "transit",
  "habitual",
] as const satisfies readonly (keyof Terms)[];

export type DataFacts = Pick<DataSet, "name" | "dataClass" | "owner" | "countries"> &
  Pick<Terms, (typeof statedTerms)[number]> & {
    readonly purposes: readonly string[];
    readonly grantsOnly: boolean;
  };
export type PlaceFacts = Omit<Place, "gradeUntil"> & { readonly gradeRank: number };
export interface JobFacts {
  readonly owner: string;
  readonly purpose: string;
  readonly driver: string;
}

const dataFacts = dataSetShape.pick({
  name: true,
  dataClass: true,
  owner: true,
  countries: true,
  terms: true,
});

export function readTime(at: string): number | Refusal {
  const atMs = timeMs(at);
  return Number.isNaN(atMs) ? refuse("engine.time", `"${at}" is not a moment in time.`) : atMs;
}

/** A grade that has expired is no more than a claim. */
export function readPlace(place: Place | undefined, atMs: number): PlaceFacts | Refusal {
  const read = placeShape.safeParse(place);
  if (!read.success) {
    const fields = read.error.issues.map(({ path }) => path.join(".") || "place");
    return refuse("place.unknown", `The host does not say where it stands (${fields.join(", ")}).`);
  }
  const { gradeUntil, ...facts } = read.data;
  if (!isCountry(facts.country)) {
    return refuse("place.unknown", `${facts.country} is not an assigned country code.`);
  }
  const expired = gradeUntil !== undefined && !holds(gradeUntil, atMs);
  const grade = expired ? "claimed" : facts.grade;
  return { ...facts, grade, gradeRank: placeGrades.indexOf(grade) };
}

export function readDestination(
  country: string,
  recipient: string | undefined,
  from: string | undefined,
): { readonly country: string; readonly recipient: string | undefined } | Refusal {
  if (from !== undefined && !isCountry(from)) {
    return refuse("place.unknown", `"${from}", where it lies, is not an assigned country code.`);
  }
  if (typeof country === "string" && isCountry(country)) return { country, recipient };
  return refuse("place.unknown", `The destination "${country}" is not an assigned country code.`);
}

export function readJob(job: JobSpec): JobFacts | Refusal {
  const facts = { owner: job.owner, purpose: job.purpose, driver: job.task?.driver };
  const missing = Object.entries(facts).filter(([, value]) => typeof value !== "string" || !value);
  if (missing.length === 0) return facts;
  const names = missing.map(([key]) => key).join(", ");
  return refuse("engine.job", `The job does not state its ${names}.`);
}

/** A job that names no data set brings none: what it makes counts as public. Its name is empty. */
export function readData(
  job: JobSpec | undefined,
  dataSet: DataSet | undefined,
): DataFacts | Refusal {
  if (job?.dataSet !== undefined && job.dataSet !== dataSet?.name) {
    const given = dataSet === undefined ? "it is not registered" : `${dataSet.name} was given`;
    return refuse("data.unknown", `The job runs on data set ${job.dataSet}, but ${given}.`);
  }
  if (job !== undefined && job.dataSet === undefined && dataSet !== undefined) {
    return refuse("data.unknown", `The job names no data set, but ${dataSet.name} was given.`);
  }
  if (dataSet === undefined) {
    const owner = job?.owner ?? "";
    return { name: "", dataClass: "public", owner, countries: [], purposes: [], grantsOnly: false };
  }
  const { name, dataClass, owner, countries, terms } = dataSet;
  const read = dataFacts.safeParse({ name, dataClass, owner, countries, terms });
  if (!read.success) {
    const fields = read.error.issues.map(({ path }) => path.join("."));
    return refuse("data.unknown", `The data set does not state its ${fields.join(", ")}.`);
  }
  const { terms: stated = {}, ...facts } = read.data;
  if (stated.origin !== undefined && !isCountry(stated.origin)) {
    const text = `The origin ${stated.origin} of data set ${name} is not an assigned country code.`;
    return refuse("data.unknown", text);
  }
  return {
    ...facts,
    countries: [...facts.countries].sort(),
    purposes: [...(stated.purposes ?? [])].sort(),
    grantsOnly: stated.grants !== undefined,
    ...Object.fromEntries(statedTerms.map((key) => [key, stated[key]])),
  };
}

/** The facts behind a verdict, in a sentence that stands after the rule's own. */
export function describe(
  place: { country: string; site?: string; grade?: string },
  data: DataFacts,
  { mechanisms }: BasisFacts,
) {
  const where = [place.country, place.site, place.grade].filter(Boolean).join(", ");
  if (data.name === "") return `Asked: ${where}; no data set.`;
  const named = data.countries.length === 0 ? "no country" : data.countries.join(", ");
  const origin = data.origin === undefined ? "" : `; of ${data.origin}`;
  const basis = mechanisms.length === 0 ? "" : `; by ${mechanisms.join(", ")}`;
  return `Asked: ${where}; data set ${data.name} (${data.dataClass}; ${named}${origin}${basis}).`;
}
