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

/**
 * SHA-256 of many messages that lie one after another: message i ends at `ends[i]`; without `ends` all are
 * equally long. 32 bytes each, in order. Whoever has a faster way than one by one gives it to the log.
 */
export type HashMany = (data: Uint8Array, count: number, ends?: Float64Array) => Uint8Array;

export const hashOneByOne: HashMany = (data, count, ends) => {
  const hashes = new Uint8Array(count * hashBytes);
  let start = 0;
  for (let i = 0; i < count; i += 1) {
    const end = ends?.[i] ?? ((i + 1) * data.length) / count;
    hashes.set(sha256(data.subarray(start, end)), i * hashBytes);
    start = end;
  }
  return hashes;
};

/** One after another. */
export function leafHashes(entries: readonly Uint8Array[], hashMany: HashMany): Uint8Array {
  const ends = new Float64Array(entries.length);
  let end = 0;
  for (let i = 0; i < entries.length; i += 1) {
    end += 1 + (entries[i] as Uint8Array).length;
    ends[i] = end;
  }
  const data = new Uint8Array(end); // the prefix of a leaf is 0
  for (let i = 0; i < entries.length; i += 1) {
    const entry = entries[i] as Uint8Array;
    data.set(entry, (ends[i] as number) - entry.length);
  }
  return hashMany(data, entries.length, ends);
}

/** Bytes that the hash of an inner node is taken over: prefix, left, right. */
export const nodeMessageBytes = 1 + 2 * hashBytes;

export function nodeMessages(count: number): Uint8Array {
  const messages = new Uint8Array(count * nodeMessageBytes);
  for (let at = 0; at < messages.length; at += nodeMessageBytes) messages[at] = nodePrefix;
  return messages;
}

/** Of each two nodes of a row that lie one after another; a last one alone is left out. */
export function parentHashes(row: Uint8Array, hashMany: HashMany): Uint8Array {
  const count = Math.floor(row.length / (2 * hashBytes));
  const messages = nodeMessages(count);
  for (let i = 0; i < count; i += 1) {
    copyBytes(row, i * 2 * hashBytes, messages, i * nodeMessageBytes + 1, 2 * hashBytes);
  }
  return hashMany(messages, count);
}

/** For a few bytes a loop is faster than a view and `set`. */
export function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  length: number,
): void {
  for (let i = 0; i < length; i += 1) target[to + i] = source[from + i] as number;
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
