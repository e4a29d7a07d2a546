/**
 * Makes inclusion and consistency proofs (RFC 6962 §2.1.1, §2.1.2) from whatever can read nodes of
 * the tree. Only complete subtrees are read; a proof hash over an incomplete range on the right
 * edge is folded from its complete parts.
 */
import { QuipuError } from "../../base/errors.js";
import { joinPeaks, leftPart } from "./hash.js";

/** Root of the complete subtree over leaves [index * 2^level, (index + 1) * 2^level). */
export interface NodeAddress {
  readonly level: number;
  readonly index: number;
}

export type NodeReader = (nodes: readonly NodeAddress[]) => Promise<readonly Uint8Array[]>;

type LeafRange = readonly [start: number, end: number];

/** From the leaf's sibling up to the root's child. */
export function inclusionProof(
  index: number,
  size: number,
  read: NodeReader,
): Promise<Uint8Array[]> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new QuipuError("NOT_FOUND", `the log of size ${size} has no entry ${index}`);
  }
  const ranges: LeafRange[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + leftPart(end - start);
    if (index < middle) {
      ranges.push([middle, end]);
      end = middle;
    } else {
      ranges.push([start, middle]);
      start = middle;
    }
  }
  return hashRanges(ranges.reverse(), read);
}

/** Shows that the tree of `oldSize` leaves is a prefix of the tree of `newSize` leaves. */
export function consistencyProof(
  oldSize: number,
  newSize: number,
  read: NodeReader,
): Promise<Uint8Array[]> {
  if (!Number.isSafeInteger(oldSize) || oldSize < 0 || oldSize > newSize) {
    throw new QuipuError("INVALID_ARGUMENT", `no proof leads from size ${oldSize} to ${newSize}`);
  }
  if (oldSize === 0 || oldSize === newSize) return Promise.resolve([]);
  const ranges: LeafRange[] = [];
  let [start, end] = [0, newSize];
  while (end !== oldSize) {
    const middle = start + leftPart(end - start);
    if (oldSize <= middle) {
      ranges.push([middle, end]);
      end = middle;
    } else {
      ranges.push([start, middle]);
      start = middle;
    }
  }
  // The verifier holds the old root; it needs the last range only when that is not the whole tree.
  if (start > 0) ranges.push([start, end]);
  return hashRanges(ranges.reverse(), read);
}

/** Complete subtrees that make up a range of leaves which starts where an RFC 6962 subtree does. */
export function subtreesOf([start, end]: LeafRange): NodeAddress[] {
  const nodes: NodeAddress[] = [];
  for (let at = start; at < end; ) {
    let level = 0;
    let width = 1;
    while (at % (width * 2) === 0 && at + width * 2 <= end) {
      width *= 2;
      level += 1;
    }
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

async function hashRanges(ranges: readonly LeafRange[], read: NodeReader): Promise<Uint8Array[]> {
  const groups = ranges.map(subtreesOf);
  const hashes = await read(groups.flat());
  let at = 0;
  return groups.map((group) => {
    const peaks = hashes.slice(at, at + group.length);
    at += group.length;
    return joinPeaks(peaks);
  });
}
