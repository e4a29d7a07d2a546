/**
 * Driver `hash`: the manifest of the data folder, with its Merkle root, as an output. The data check
 * has just computed it, from these very bytes, in this process; the same bits on any backend. A job
 * without a data set gets the manifest of nothing: the least that a fleet can be asked to do.
 */
import { digestOf } from "../../base/bytes.js";
import { emptyManifest, manifestBytes } from "../../model/manifest.js";
import type { Driver } from "./driver.js";

const fileName = "manifest.json";

export const hashDriver: Driver = {
  isolation: "none",
  writesFiles: false,
  async run({ data, host }) {
    const manifest = data?.manifest ?? emptyManifest;
    const bytes = manifestBytes(manifest);
    const output = {
      name: fileName,
      digest: digestOf(bytes),
      blake3: host.blake3(bytes),
      sizeBytes: bytes.length,
      mediaType: "application/json",
    };
    return {
      result: {
        outputs: [output],
        device: "cpu",
        backend: host.hashBackend,
        determinism: "bitwise",
        arithmetic: "",
      },
      contents: new Map([[fileName, bytes]]),
      cpuMs: 0,
      inputBytes: manifest.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  },
};
