/** `quipu data add FOLDER`: digests the folder here and registers what may be done with it. */
import { QuipuError } from "../../base/errors.js";
import { hashTree } from "../../compute/native/hashing.js";
import { type DataSet, dataSet } from "../../model/data-set.js";
import { manifestDigest } from "../../model/manifest.js";
import type { Context, VerbAction } from "../context.js";
import { bytesText, shareText } from "../table.js";
import { dataSetView } from "./data-view.js";

export const action: VerbAction = async (context, { args, options }) => {
  const registered = await addDataSet(context, {
    folder: args[0] ?? "",
    name: String(options.name),
    dataClass: String(options.class),
    owner: String(options.owner),
    countries: String(options.countries)
      .split(",")
      .filter((code) => code !== ""),
  });
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
}

export async function addDataSet(context: Context, wanted: NewDataSet) {
  const { folder, ...terms } = wanted;
  const { manifest } = await hashTree(folder, {
    signal: context.signal,
    onProgress: (done, total) =>
      context.output.progress(
        `hashing ${bytesText(done)} of ${bytesText(total)}  ${shareText(done / total)}`,
      ),
  });
  const facts = {
    manifestDigest: manifestDigest(manifest),
    merkleRoot: manifest.merkleRoot,
    sizeBytes: manifest.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0),
    files: manifest.entries.length,
  };
  const valid = checked({ ...terms, ...facts });
  const { dataSets } = await context.coordinator();
  const answer = await dataSets.addDataSet({
    dataSet: { ...valid, sizeBytes: BigInt(valid.sizeBytes), files: BigInt(valid.files) },
  });
  if (answer.dataSet === undefined) throw new Error("a data set was answered without its value");
  return dataSetView(answer.dataSet);
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
