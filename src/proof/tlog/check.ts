/**
 * Checks inclusion and consistency proofs as RFC 9162 §2.1.3.2 and §2.1.4.2 write it down. Both
 * return false for anything wrong and never throw: their arguments come from strangers.
 */
import { equalBytes } from "../../base/bytes.js";
import { hashBytes, nodeHash } from "./hash.js";

export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Uint8Array;
  readonly hashes: readonly Uint8Array[];
  readonly root: Uint8Array;
}

export function checkInclusion(claim: InclusionClaim): boolean {
  const { index, size, hashes, root } = claim;
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  if (![claim.leafHash, root, ...hashes].every(isHash)) return false;
  let [fn, sn] = [index, size - 1];
  let node = claim.leafHash;
  for (const hash of hashes) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      node = nodeHash(hash, node);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      node = nodeHash(node, hash);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && equalBytes(node, root);
}

export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly newSize: number;
  readonly oldRoot: Uint8Array;
  readonly newRoot: Uint8Array;
  readonly hashes: readonly Uint8Array[];
}

/** An old size of 0 is refused: every tree grows from the empty one, so such a proof says nothing. */
export function checkConsistency(claim: ConsistencyClaim): boolean {
  const { oldSize, newSize, oldRoot, newRoot, hashes } = claim;
  if (oldSize === newSize) {
    return isSize(oldSize) && oldSize > 0 && hashes.length === 0 && equalBytes(oldRoot, newRoot);
  }
  // An old tree that is one complete subtree is its own first hash; the prover leaves it out.
  const path = isPowerOfTwo(oldSize) ? [oldRoot, ...hashes] : hashes;
  const roots = consistencyRoots(oldSize, newSize, path);
  return roots !== undefined && equalBytes(roots.old, oldRoot) && equalBytes(roots.new, newRoot);
}

/**
 * The roots at both sizes of the one tree that such a path can belong to; its first hash is never left
 * out. Undefined for a path of the wrong length, and unless 0 < `oldSize` < `newSize`.
 */
export function consistencyRoots(
  oldSize: number,
  newSize: number,
  path: readonly Uint8Array[],
): { readonly old: Uint8Array; readonly new: Uint8Array } | undefined {
  if (!isSize(oldSize) || !isSize(newSize) || oldSize === 0 || oldSize >= newSize) return undefined;
  const [first, ...rest] = path;
  if (first === undefined || !path.every(isHash)) return undefined;
  let [fn, sn] = [oldSize - 1, newSize - 1];
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)];
  let [oldNode, newNode] = [first, first];
  for (const hash of rest) {
    if (sn === 0) return undefined;
    if (fn % 2 === 1 || fn === sn) {
      oldNode = nodeHash(hash, oldNode);
      newNode = nodeHash(hash, newNode);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else {
      newNode = nodeHash(newNode, hash);
    }
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 ? { old: oldNode, new: newNode } : undefined;
}

function isPowerOfTwo(size: number): boolean {
  let odd = size;
  while (odd > 0 && odd % 2 === 0) odd /= 2;
  return odd === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === hashBytes;
}
