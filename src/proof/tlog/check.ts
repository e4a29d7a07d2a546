/**
 * Checks inclusion and consistency proofs as RFC 9162 §2.1.3.2 and §2.1.4.2 write it down. Both
 * return false for anything wrong and never throw: their arguments come from strangers.
 */
import { equalBytes } from "../../base/bytes.js";
import {
  copyBytes,
  type HashMany,
  hashBytes,
  hashOneByOne,
  nodeHash,
  nodeMessageBytes,
  nodeMessages,
} from "./hash.js";

export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Uint8Array;
  readonly hashes: readonly Uint8Array[];
  readonly root: Uint8Array;
}

export function checkInclusion(claim: InclusionClaim): boolean {
  return checkInclusions([claim])[0] === true;
}

const claimsAtOnce = 1024;
/** No tree is higher. */
const hashesMax = 64;

/** The same of each of many claims, whose hashes of one step are all taken at once. */
export function checkInclusions(
  claims: readonly InclusionClaim[],
  hashMany: HashMany = hashOneByOne,
): boolean[] {
  const held: boolean[] = [];
  for (let at = 0; at < claims.length; at += claimsAtOnce) {
    held.push(...climb(claims.slice(at, at + claimsAtOnce), hashMany));
  }
  return held;
}

/** On the way from a leaf to the root: which node of its level this is, and which is the last one. */
interface Climb {
  readonly claim: InclusionClaim;
  index: number;
  last: number;
  isLost: boolean;
}

function climb(claims: readonly InclusionClaim[], hashMany: HashMany): boolean[] {
  const climbs = claims.map(climbOf);
  const nodes = new Uint8Array(claims.length * hashBytes);
  for (const [i, { claim, isLost }] of climbs.entries()) {
    if (!isLost) nodes.set(claim.leafHash, i * hashBytes);
  }
  const messages = nodeMessages(claims.length);
  const moving = new Uint32Array(claims.length);
  for (let step = 0, count = -1; count !== 0; step += 1) {
    count = 0;
    for (let i = 0; i < climbs.length; i += 1) {
      const one = climbs[i] as Climb;
      if (one.isLost || step >= one.claim.hashes.length) continue;
      if (one.last === 0) {
        one.isLost = true; // a hash too many
        continue;
      }
      rise(one, step, nodes, i * hashBytes, messages, count * nodeMessageBytes + 1);
      moving[count] = i;
      count += 1;
    }
    const parents = hashMany(messages.subarray(0, count * nodeMessageBytes), count);
    for (let k = 0; k < count; k += 1) {
      copyBytes(parents, k * hashBytes, nodes, (moving[k] as number) * hashBytes, hashBytes);
    }
  }
  return climbs.map(({ claim, isLost, last }, i) => {
    const node = nodes.subarray(i * hashBytes, (i + 1) * hashBytes);
    return !isLost && last === 0 && equalBytes(node, claim.root);
  });
}

function climbOf(claim: InclusionClaim): Climb {
  const { index, size, hashes, root, leafHash } = claim;
  const isSound = isSize(index) && isSize(size) && index < size;
  const isLost = !isSound || !isHash(leafHash) || !isHash(root) || !hashes.every(isHash);
  return { claim, index, last: size - 1, isLost: isLost || hashes.length > hashesMax };
}

/** Writes the children of the node above, in order, and goes there. */
function rise(
  one: Climb,
  step: number,
  nodes: Uint8Array,
  at: number,
  messages: Uint8Array,
  to: number,
): void {
  const isRight = one.index % 2 === 1 || one.index === one.last;
  messages.set(one.claim.hashes[step] as Uint8Array, isRight ? to : to + hashBytes);
  copyBytes(nodes, at, messages, isRight ? to + hashBytes : to, hashBytes);
  // A last node without a sibling is its own parent, as often as that is so.
  while (isRight && one.index % 2 === 0 && one.index !== 0) goUp(one);
  goUp(one);
}

function goUp(one: Climb): void {
  one.index = half(one.index);
  one.last = half(one.last);
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
