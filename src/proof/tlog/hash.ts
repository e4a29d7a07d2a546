/**
 * Merkle tree hashing of RFC 6962 §2.1 over SHA-256. Frozen: every root, proof and tile is made of
 * these two hashes; the prefix bytes keep a leaf from ever passing for an inner node.
 */
import { sha256 } from "../../base/bytes.js";

export const hashBytes = 32;

const leafPrefix = 0;
const nodePrefix = 1;
/**
 * Prefix and content in one piece, since hashing one piece is twice as fast and a log does it twice an
 * entry. Longer leaves are hashed in parts; a log's own are never longer.
 */
const scratch = new Uint8Array(1 + 65_535);

export function leafHash(entry: Uint8Array): Uint8Array {
  if (entry.length >= scratch.length) return sha256(Uint8Array.of(leafPrefix), entry);
  scratch[0] = leafPrefix;
  scratch.set(entry, 1);
  return sha256(scratch.subarray(0, 1 + entry.length));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  scratch[0] = nodePrefix;
  scratch.set(left, 1);
  scratch.set(right, 1 + left.length);
  return sha256(scratch.subarray(0, 1 + left.length + right.length));
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
