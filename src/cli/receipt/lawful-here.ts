/**
 * Whether a job may run on this machine: asked before anything of it is fetched or run again. Where the machine
 * stands is its user's word, so the tool obeys the rules, and forces nobody to.
 */

import { readFile } from "node:fs/promises";
import { timestamp } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import { parseStrictJson } from "../../base/strict-json.js";
import { type DataSet, dataSet as dataSetShape } from "../../model/data-set.js";
import type { JobSpec } from "../../model/job.js";
import { type Place, place as placeShape } from "../../model/place.js";
import type { Context, Invocation } from "../context.js";
import { dataSetView } from "../data/data-view.js";
import { chosenPolicy } from "../policy/set-in-force.js";

/** What stands behind a grade above these is evidence, which a flag is not. */
const ownGrades = ["claimed", "operator-asserted"];
const placeFields = ["country", "zone", "site", "grade", "operator"];
const factsBytesMax = 1 << 20;

export interface RunHere {
  readonly job: JobSpec;
  /** Digest of the manifest of the data set that it read. */
  readonly manifestDigest: string | undefined;
}

/** The place of this machine. Throws REFUSED_BY_POLICY with the rule that keeps the job from it. */
export async function demandLawfulHere(
  context: Context,
  { job, manifestDigest }: RunHere,
  options: Invocation["options"],
): Promise<Place> {
  const said = options.place ?? process.env.QUIPU_PLACE;
  if (said === undefined) {
    throw new QuipuError("REFUSED_BY_POLICY", "nobody says where this machine stands", {
      next: "say it with --place country=SG,site=private, or set QUIPU_PLACE",
      details: { rule: "place.unknown" },
    });
  }
  const place = placeIn(String(said));
  const { policy } = await chosenPolicy(context, { options });
  const dataSet = await factsOf(context, job.dataSet, manifestDigest, options.dataFacts);
  const at = timestamp(Date.now());
  const verdict = policy.runOn({ job, dataSet, host: { name: "here", place }, at });
  if (verdict.allowed) return place;
  const { rule, text, law } = verdict;
  throw new QuipuError("REFUSED_BY_POLICY", `the job may not run again here: ${text}`, {
    next: `rule ${rule} refuses it; run it again where it is lawful`,
    details: { rule, place, ...(law === undefined ? {} : { law }) },
  });
}

/** What is left out is unknown, and stays so: no rule is asked about a place that lacks a fact. */
function placeIn(text: string): Place {
  const facts = text.split(",").map((pair) => pair.split("="));
  const odd = facts.find(([name = "", value]) => !placeFields.includes(name) || !value);
  const { zone = "", grade = "claimed", ...more } = Object.fromEntries(facts);
  const place = { zone, grade, ...more };
  const isWritten = placeShape.partial().safeParse(place).success;
  if (odd === undefined && isWritten && ownGrades.includes(grade)) return place as Place;
  throw new QuipuError("USAGE", `"${text.slice(0, 100)}" is no place that one can say`, {
    next: `write country=SG,site=private; also zone, operator, and grade (${ownGrades.join(", ")})`,
  });
}

/** The very data set, as a file or the coordinator has it; undefined where neither does. */
async function factsOf(
  context: Context,
  name: string | undefined,
  manifestDigest: string | undefined,
  file: unknown,
): Promise<DataSet | undefined> {
  if (name === undefined) return undefined;
  const known = file === undefined ? await toldFacts(context) : await factsIn(String(file));
  return known.find((one) => one.name === name && one.manifestDigest === manifestDigest);
}

async function toldFacts(context: Context): Promise<readonly DataSet[]> {
  const { dataSets } = await context.coordinator();
  return (await dataSets.listDataSets({})).dataSets.map((one) => asDataSet(dataSetView(one)));
}

/** As `quipu data ls -o json` prints them. */
async function factsIn(file: string): Promise<readonly DataSet[]> {
  const value = parseStrictJson(await readFile(file), "data facts", factsBytesMax);
  const { dataSets } = Object(value) as { readonly dataSets?: unknown };
  if (Array.isArray(dataSets)) return dataSets.map(asDataSet);
  throw new QuipuError("DATA_INVALID", `${file} holds no facts about data sets`, {
    next: "keep what `quipu data ls -o json` prints",
  });
}

function asDataSet(value: unknown): DataSet {
  const { terms, ...facts } = Object(value) as { readonly terms?: unknown };
  const read = dataSetShape.safeParse(terms === null ? facts : { ...facts, terms });
  if (read.success) return read.data;
  throw new QuipuError("DATA_INVALID", `facts of a data set are none: ${read.error.message}`, {
    next: "keep what `quipu data ls -o json` prints",
  });
}
