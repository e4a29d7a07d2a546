/**
 * A manifest that was read from somewhere, checked before anything is believed of it: its size, its shape,
 * paths that stay inside the folder, sorted and without repeats, and the root recomputed from its entries.
 */
import { toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { MerkleFrontier } from "../../compute/native/hashing.js";
import {
  compareEntries,
  type Manifest,
  type ManifestEntry,
  manifestLeaf,
} from "../../model/manifest.js";

/** Under what JavaScript can hold as one text; a million files with long names come near. */
export const manifestBytesMax = 400 * 1024 * 1024;
/** The kernel takes no longer path. */
const pathBytesMax = 4095;
const hexPattern = /^[0-9a-f]{64}$/;

/** `name` stands in messages. White space between the values is no fault. */
export async function parseManifest(
  bytes: Uint8Array,
  name: string,
  signal: AbortSignal,
): Promise<Manifest> {
  if (bytes.length > manifestBytesMax) {
    throw new QuipuError("LIMIT_EXCEEDED", `${name} has more than ${manifestBytesMax} bytes`);
  }
  const manifest = shaped(parsedJson(bytes, name), name);
  const tree = new MerkleFrontier();
  await tree.appendAsync(manifest.entries.map(manifestLeaf), { signal });
  if (toHex(tree.root()) === manifest.merkleRoot) return manifest;
  throw invalid(name, "its merkleRoot is not that of its entries");
}

function parsedJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw invalid(name, `it is not JSON: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
}

function shaped(value: unknown, name: string): Manifest {
  const { version, entries, merkleRoot } = fields(value, name, "it", [
    "entries",
    "merkleRoot",
    "version",
  ]);
  if (version !== "quipu.dev/manifest/v1") {
    throw invalid(name, `its version is ${JSON.stringify(version)}, not quipu.dev/manifest/v1`);
  }
  if (!isHex(merkleRoot)) throw invalid(name, "merkleRoot is not 64 hexadecimal digits");
  if (!Array.isArray(entries)) throw invalid(name, "entries is no list");
  if (entries.length > limits.filesPerDataSetMax) {
    throw new QuipuError("LIMIT_EXCEEDED", `${name} has ${entries.length} entries`, {
      next: `a manifest has at most ${limits.filesPerDataSetMax}`,
    });
  }
  const checked = entries.map((entry, at) => shapedEntry(entry, name, `entries[${at}]`));
  checked.forEach((entry, at) => {
    const before = checked[at - 1];
    if (before === undefined || compareEntries(before, entry) < 0) return;
    const why = before.path === entry.path ? "repeats a path" : "is not in the order of its bytes";
    throw invalid(name, `entries[${at}].path ${why}: ${JSON.stringify(entry.path)}`);
  });
  return { version, entries: checked, merkleRoot };
}

function shapedEntry(value: unknown, name: string, at: string): ManifestEntry {
  const { path, sizeBytes, sha256, blake3 } = fields(value, name, at, [
    "blake3",
    "path",
    "sha256",
    "sizeBytes",
  ]);
  if (typeof path !== "string" || !isInside(path)) {
    throw invalid(name, `${at}.path is no path inside a folder: ${JSON.stringify(path)}`);
  }
  if (!Number.isSafeInteger(sizeBytes) || (sizeBytes as number) < 0) {
    throw invalid(name, `${at}.sizeBytes is no size: ${JSON.stringify(sizeBytes)}`);
  }
  if (!isHex(sha256)) throw invalid(name, `${at}.sha256 is not 64 hexadecimal digits`);
  if (!isHex(blake3)) throw invalid(name, `${at}.blake3 is not 64 hexadecimal digits`);
  return { path, sizeBytes: sizeBytes as number, sha256, blake3 };
}

/** The members of an object that has exactly these. */
function fields(value: unknown, name: string, at: string, keys: readonly string[]) {
  const object = typeof value === "object" && value !== null ? value : {};
  const found = Object.keys(object).sort();
  if (found.join() === keys.join()) return object as Readonly<Record<string, unknown>>;
  throw invalid(name, `${at} must have exactly ${keys.join(", ")}`);
}

function isHex(value: unknown): value is string {
  return typeof value === "string" && hexPattern.test(value);
}

function isInside(path: string): boolean {
  return (
    path.isWellFormed() &&
    Buffer.byteLength(path) <= pathBytesMax &&
    !path.includes("\0") &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}

function invalid(name: string, why: string): QuipuError {
  return new QuipuError("DATA_INVALID", `${name} is no manifest: ${why}`, {
    next: "write one with `quipu data manifest FOLDER --to FILE`",
  });
}
