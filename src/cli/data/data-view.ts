/** A data set as `-o json` prints it. */
import type { DataSet } from "../../gen/quipu/v1/fleet_pb.js";
import type { Terms } from "../../model/terms.js";

export function dataSetView(set: DataSet) {
  return {
    name: set.name,
    dataClass: set.dataClass,
    owner: set.owner,
    countries: set.countries,
    terms: termsOf(set),
    manifestDigest: set.manifestDigest,
    merkleRoot: set.merkleRoot,
    sizeBytes: Number(set.sizeBytes),
    files: Number(set.files),
  };
}

/** As the coordinator checked them. */
function termsOf({ terms }: DataSet): Terms | null {
  return terms.length === 0 ? null : JSON.parse(new TextDecoder().decode(terms));
}
