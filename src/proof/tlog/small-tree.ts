/** A whole tree in memory, for a few leaves that are all there at once: its root, and proofs of its leaves. */
import {
  type HashMany,
  hashBytes,
  hashOneByOne,
  joinPeaks,
  leafHashes,
  parentHashes,
} from "./hash.js";
import { inclusionProof, type NodeAddress, subtreesOf } from "./prove.js";

export interface SmallTree {
  readonly root: Uint8Array;
  inclusion(index: number): Promise<Uint8Array[]>;
}

export function smallTree(
  leaves: readonly Uint8Array[],
  hashMany: HashMany = hashOneByOne,
): SmallTree {
  const rows = [leafHashes(leaves, hashMany)];
  for (let row = rows[0]; row !== undefined && row.length >= 2 * hashBytes; row = rows.at(-1)) {
    rows.push(parentHashes(row, hashMany));
  }
  const node = ({ level, index }: NodeAddress): Uint8Array =>
    (rows[level] as Uint8Array).slice(index * hashBytes, (index + 1) * hashBytes);
  return {
    root: joinPeaks(subtreesOf([0, leaves.length]).map(node)),
    inclusion: (index) =>
      inclusionProof(index, leaves.length, async (nodes) => nodes.map((one) => node(one))),
  };
}
