/** A data set as `-o json` prints it. */
import type { DataSet } from "../../gen/quipu/v1/fleet_pb.js";

export function dataSetView(set: DataSet) {
  return {
    name: set.name,
    dataClass: set.dataClass,
    owner: set.owner,
    countries: set.countries,
    manifestDigest: set.manifestDigest,
    merkleRoot: set.merkleRoot,
    sizeBytes: Number(set.sizeBytes),
    files: Number(set.files),
  };
}
