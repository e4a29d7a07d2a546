/**
 * Merkle tree hashing of RFC 6962 §2.1 over SHA-256. Frozen: every root, proof and tile is made of
 * these two hashes; the prefix bytes keep a leaf from ever passing for an inner node.
 */
import { sha256 } from "../../base/bytes.js";

export const hashBytes = 32;

const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);

export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(leafPrefix, entry);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(nodePrefix, left, right);
}

/** Root of the tree without leaves. */
export function emptyRoot(): Uint8Array {
  return sha256();
}

/** Folds the roots of complete subtrees, given from left to right, into the root over all of them. */
export function joinPeaks(peaks: readonly Uint8Array[]): Uint8Array {
  let root = peaks.at(-1) ?? emptyRoot();
  for (let i = peaks.length - 2; i >= 0; i -= 1) root = nodeHash(peaks[i] as Uint8Array, root);
  return root;
}

/** Largest power of two below `count`, the left part of an RFC 6962 tree; `count` from 2 up. */
export function leftPart(count: number): number {
  let part = 1;
  while (part * 2 < count) part *= 2; // not a shift: tree sizes may pass 2^31
  return part;
}
