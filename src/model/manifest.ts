/**
 * The manifest of a data folder: one entry a file, sorted by path, and the RFC 6962 Merkle root over
 * the canonical bytes of the entries. Frozen: a data set is named by the digest of these bytes.
 */

import { type Digest, digestOf, sha256, toHex } from "../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../base/canonical-json.js";

export interface ManifestEntry {
  /** Relative to the folder, `/` between parts. */
  readonly path: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits each. */
  readonly sha256: string;
  readonly blake3: string;
}

export interface Manifest {
  readonly version: "quipu.dev/manifest/v1";
  readonly entries: readonly ManifestEntry[];
  /** RFC 6962 root, hexadecimal; leaf i is `manifestLeaf(entries[i])`. */
  readonly merkleRoot: string;
}

/** The root over no leaves is the SHA-256 of nothing (RFC 6962 §2.1). */
export const emptyManifest: Manifest = {
  version: "quipu.dev/manifest/v1",
  entries: [],
  merkleRoot: toHex(sha256(new Uint8Array())),
};

/** Under what JavaScript can hold as one text; a million files with long names come near. */
export const manifestBytesMax = 400 * 1024 * 1024;

export function manifestLeaf(entry: ManifestEntry): Uint8Array {
  return canonicalBytes(entry);
}

export function manifestBytes(manifest: Manifest): Uint8Array {
  return canonicalBytes(manifest);
}

export function manifestDigest(manifest: Manifest): Digest {
  return digestOf(manifestBytes(manifest));
}

/** Length of `manifestBytes`, known before a file has been read: all digests are equally long. */
export function manifestSizeBytes(
  files: readonly Pick<ManifestEntry, "path" | "sizeBytes">[],
): number {
  const hex = "0".repeat(64);
  const blank = manifestLeaf({ path: "", sizeBytes: 0, sha256: hex, blake3: hex }).length;
  const entries = files.map(({ path, sizeBytes }) => {
    return blank + Buffer.byteLength(canonicalJson(path)) - 2 + String(sizeBytes).length - 1;
  });
  const commas = Math.max(files.length - 1, 0);
  return entries.reduce((sum, size) => sum + size, manifestBytes(emptyManifest).length + commas);
}

/** Order of entries: by the UTF-8 bytes of their paths, as every tool in every locale would. */
export function compareEntries(a: ManifestEntry, b: ManifestEntry): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
}
