/** `quipu data add FOLDER`: digests the folder here and registers what may be done with it. */
import { realpath } from "node:fs/promises";
import { canonicalBytes } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { hashTree } from "../../compute/native/hashing.js";
import { type DataSet, dataSet } from "../../model/data-set.js";
import { manifestBytes, manifestDigest } from "../../model/manifest.js";
import { type Terms, terms as termsShape } from "../../model/terms.js";
import type { Context, VerbAction } from "../context.js";
import { Progress } from "../hash/progress.js";
import { bytesText } from "../table.js";
import { readYaml } from "../yaml-file.js";
import { dataSetView } from "./data-view.js";
import { documentPlace, writeDocument } from "./document-file.js";
import { keepDataSet, nowNs, readFacts } from "./kept-data-set.js";

export const action: VerbAction = async (context, { args, options }) => {
  const [folder = ""] = args;
  const copy = options.manifest as string | undefined;
  const place = copy === undefined ? undefined : await documentPlace(copy, folder);
  const terms = options.terms === undefined ? undefined : await readTerms(String(options.terms));
  const recordedNs = nowNs();
  const { registered, manifest, facts } = await addDataSet(context, {
    folder,
    name: String(options.name),
    dataClass: String(options.class),
    owner: String(options.owner),
    countries: String(options.countries)
      .split(",")
      .filter((code) => code !== ""),
    ...(terms === undefined ? {} : { terms }),
  });
  // Kept after it is registered: a name that was refused must not replace what is kept under it. A crash
  // in between leaves a data set that this machine cannot verify by its name; the same command again
  // registers nothing new and keeps it.
  const { home } = context.paths;
  const before = await readFacts(home, registered.name);
  if (before !== undefined && before.manifestDigest !== registered.manifestDigest) {
    context.output.note(`the manifest kept so far is replaced: ${before.manifestDigest}`);
  }
  const seen = { folder: await realpath(folder), recordedNs, files: facts };
  await keepDataSet(home, registered.name, manifest, seen);
  if (place !== undefined) await writeDocument(place, manifestBytes(manifest));
  context.output.result({ dataSet: registered }, () => {
    const { name, files, sizeBytes, dataClass, countries } = registered;
    const where = countries.length === 0 ? "" : `, only in ${countries.join(", ")}`;
    return `${name}: ${files} files, ${bytesText(sizeBytes)}, ${dataClass}${where}`;
  });
  return 0;
};

export interface NewDataSet {
  readonly folder: string;
  readonly name: string;
  readonly dataClass: string;
  readonly owner: string;
  readonly countries: readonly string[];
  readonly terms?: Terms;
}

/** One document: what laws and its owner ask about the data set (docs/policy.md). */
async function readTerms(file: string): Promise<Terms> {
  const [terms, ...more] = await readYaml(file, { what: "terms", schema: termsShape });
  if (terms !== undefined && more.length === 0) return terms;
  throw new QuipuError("INVALID_ARGUMENT", `${file} holds ${1 + more.length} documents, not one`);
}

/** Registers a folder as it is now; also answers with what was found in it. */
export async function addDataSet(context: Context, wanted: NewDataSet) {
  const { folder, ...stated } = wanted;
  // Before hours of hashing: is there a coordinator at all?
  const { dataSets } = await context.coordinator();
  const { manifest, facts } = await hashTree(folder, {
    signal: context.signal,
    onProgress: new Progress(context.output, "hashing").whole(),
  });
  const valid = checked({
    ...stated,
    manifestDigest: manifestDigest(manifest),
    merkleRoot: manifest.merkleRoot,
    sizeBytes: manifest.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0),
    files: manifest.entries.length,
  });
  const { terms, sizeBytes, files, ...rest } = valid;
  const answer = await dataSets.addDataSet({
    dataSet: {
      ...rest,
      sizeBytes: BigInt(sizeBytes),
      files: BigInt(files),
      terms: terms === undefined ? new Uint8Array() : canonicalBytes(terms),
    },
  });
  if (answer.dataSet === undefined) throw new Error("a data set was answered without its value");
  return { registered: dataSetView(answer.dataSet), manifest, facts };
}

function checked(value: unknown): DataSet {
  const parsed = dataSet.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new QuipuError(
    "INVALID_ARGUMENT",
    `the data set cannot be registered: ${faults.join("; ")}`,
    {
      next: "see `quipu data add --help`",
      details: { faults },
    },
  );
}
