/**
 * Merkle tree hashing of RFC 6962 §2.1 over SHA-256. Frozen: every root, proof and tile is made of
 * these two hashes; the prefix bytes keep a leaf from ever passing for an inner node.
 */
import { hash } from "node:crypto";
import { sha256 } from "../../base/bytes.js";

export const hashBytes = 32;

const leafPrefix = 0;
const nodePrefix = 1;
/** Longer leaves than this are hashed in parts; a log's own are never longer. */
const scratch = new Uint8Array(1 + 65_535);

export function leafHash(entry: Uint8Array): Uint8Array {
  if (entry.length >= scratch.length) return sha256(Uint8Array.of(leafPrefix), entry);
  scratch[0] = leafPrefix;
  scratch.set(entry, 1);
  return hashScratch(1 + entry.length);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  scratch[0] = nodePrefix;
  scratch.set(left, 1);
  scratch.set(right, 1 + left.length);
  return hashScratch(1 + left.length + right.length);
}

/** One call without a hash object: a log hashes twice an entry, and this is half of its work. */
function hashScratch(length: number): Uint8Array {
  const digest = hash("sha256", scratch.subarray(0, length), "buffer");
  return new Uint8Array(digest.buffer, digest.byteOffset, hashBytes);
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
