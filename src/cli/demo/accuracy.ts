/** Compares predictions with the labels that the data set carries. */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { QuipuError } from "../../base/errors.js";

/** Rows whose index is 0 modulo this are the test rows (see examples/digits/classify.yaml). */
const testEvery = 5;
const labelColumn = 64;

/** Share of test rows whose prediction (int64 .npy) equals the last column of the table. */
export async function accuracyOf(predictions: string | undefined, table: string): Promise<number> {
  if (predictions === undefined)
    throw new QuipuError("NOT_FOUND", "the job has no predictions.npy");
  const predicted = int64Vector(await readFile(predictions));
  const rows = gunzipSync(await readFile(table))
    .toString("utf8")
    .trimEnd()
    .split("\n");
  const labels = rows
    .filter((_, index) => index % testEvery === 0)
    .map((row) => Number(row.split(",")[labelColumn]));
  if (labels.length !== predicted.length) {
    throw new QuipuError(
      "SHAPE_MISMATCH",
      `${predicted.length} predictions for ${labels.length} rows`,
    );
  }
  const right = labels.filter((label, index) => BigInt(label) === predicted[index]).length;
  return right / labels.length;
}

/** Reads the one kind of .npy that predictions are: version 1, little-endian int64, one axis. */
function int64Vector(file: Buffer): BigInt64Array {
  const headerBytes = file.readUInt16LE(8);
  const header = file.subarray(10, 10 + headerBytes).toString("latin1");
  if (file.toString("latin1", 1, 6) !== "NUMPY" || !header.includes("'<i8'")) {
    throw new QuipuError("DATA_INVALID", "predictions.npy is not a vector of int64");
  }
  const body = file.subarray(10 + headerBytes);
  const values = new BigInt64Array(body.length / 8);
  return values.map((_, index) => body.readBigInt64LE(index * 8));
}
