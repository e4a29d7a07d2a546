/** Files of tensors for tests: a folder for them, what reads one back, and bytes that others would write. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { concatBytes } from "../src/base/bytes.js";
import type { Tensor } from "../src/compute/engine/session.js";
import { TensorFile } from "../src/compute/engine/tensor-file.js";

/** Gone with the test. */
export const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true }));

let files = 0;
async function readFrom(end: string, bytes: Uint8Array, name?: string): Promise<Tensor> {
  files += 1;
  const path = join(folder, `${files}${end}`);
  writeFileSync(path, bytes);
  const file = await TensorFile.open(path, `x${end}`);
  try {
    return await file.read(file.place(name));
  } finally {
    await file.close();
  }
}

export const readNpy = (bytes: Uint8Array) => readFrom(".npy", bytes);
export const readSafe = (bytes: Uint8Array, name?: string) => readFrom(".safetensors", bytes, name);

/** A file with this header, as it stands. */
export function npy(header: string, data: Uint8Array = new Uint8Array(), major = 1): Uint8Array {
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, major, 0, header.length, 0]);
  const more = major === 1 ? Buffer.alloc(0) : Buffer.alloc(2);
  return concatBytes(start, more, Buffer.from(header, "latin1"), data);
}
export const fieldsOf = (descr: string, shape: string) =>
  `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`;

/** Written by the format's first implementation: w, ids, flag, s and none, with metadata. */
export const foreign = Buffer.from(
  "QAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJucCJ9LCJpZHMiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzJd" +
    "LCJkYXRhX29mZnNldHMiOlswLDE2XX0sInciOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6" +
    "WzE2LDQwXX0sIm5vbmUiOnsiZHR5cGUiOiJJMzIiLCJzaGFwZSI6WzAsNF0sImRhdGFfb2Zmc2V0cyI6WzQwLDQwXX0sInMi" +
    "OnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzQwLDQyXX0sImZsYWciOnsiZHR5cGUiOiJCT09M" +
    "Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNDIsNDRdfX0gIAEAAAAAAAAA/v////////8AAAAAAACAPwAAAEAAAEBA" +
    "AACAQAAAoEAAQQEA",
  "base64",
);
