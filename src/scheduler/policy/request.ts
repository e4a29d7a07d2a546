/**
 * Job, data set and place → the facts that rules see. Each fact is checked here, whatever its type
 * says: a request with a missing or unknown fact never reaches a rule, so no rule can be passed by
 * leaving out what it looks at.
 */
import { type DataSet, dataSet as dataSetShape } from "../../model/data-set.js";
import type { JobSpec } from "../../model/job.js";
import { type Place, placeGrades, place as placeShape } from "../../model/place.js";
import { isCountry } from "./country.js";
import { type Refusal, refuse } from "./verdict.js";

export type DataFacts = Pick<DataSet, "name" | "dataClass" | "owner" | "countries">;
export type PlaceFacts = Place & { readonly gradeRank: number };
export interface JobFacts {
  readonly owner: string;
  readonly purpose: string;
  readonly driver: string;
}

const dataFacts = dataSetShape.pick({ name: true, dataClass: true, owner: true, countries: true });

export function readPlace(place: Place | undefined): PlaceFacts | Refusal {
  const read = placeShape.safeParse(place);
  if (!read.success) {
    const fields = read.error.issues.map(({ path }) => path.join(".") || "place");
    return refuse("place.unknown", `The host does not say where it stands (${fields.join(", ")}).`);
  }
  if (!isCountry(read.data.country)) {
    return refuse("place.unknown", `${read.data.country} is not an assigned country code.`);
  }
  return { ...read.data, gradeRank: placeGrades.indexOf(read.data.grade) };
}

export function readDestination(country: string): { readonly country: string } | Refusal {
  if (typeof country === "string" && isCountry(country)) return { country };
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
    return { name: "", dataClass: "public", owner: job?.owner ?? "", countries: [] };
  }
  const { name, dataClass, owner, countries } = dataSet;
  const read = dataFacts.safeParse({ name, dataClass, owner, countries });
  if (read.success) return { ...read.data, countries: [...read.data.countries].sort() };
  const fields = read.error.issues.map(({ path }) => path.join("."));
  return refuse("data.unknown", `The data set does not state its ${fields.join(", ")}.`);
}

/** The facts behind a verdict, in a sentence that stands after the rule's own. */
export function describe(
  place: { country: string; site?: string; grade?: string },
  data: DataFacts,
) {
  const where = [place.country, place.site, place.grade].filter(Boolean).join(", ");
  const named = data.countries.length === 0 ? "no country" : data.countries.join(", ");
  const what =
    data.name === "" ? "no data set" : `data set ${data.name} (${data.dataClass}; ${named})`;
  return `Asked: ${where}; ${what}.`;
}
