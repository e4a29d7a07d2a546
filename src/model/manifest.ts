/**
 * The manifest of a data folder: one entry a file, sorted by path, and the RFC 6962 Merkle root over
 * the canonical bytes of the entries. Frozen: a data set is named by the digest of these bytes.
 */

import { type Digest, digestOf } from "../base/bytes.js";
import { canonicalBytes } from "../base/canonical-json.js";

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

export function manifestLeaf(entry: ManifestEntry): Uint8Array {
  return canonicalBytes(entry);
}

export function manifestBytes(manifest: Manifest): Uint8Array {
  return canonicalBytes(manifest);
}

export function manifestDigest(manifest: Manifest): Digest {
  return digestOf(manifestBytes(manifest));
}

/** Order of entries: by the UTF-8 bytes of their paths, as every tool in every locale would. */
export function compareEntries(a: ManifestEntry, b: ManifestEntry): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
}
