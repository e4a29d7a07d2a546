/** H5: RFC 6962 trees of a million leaves, against JavaScript and against our own kernel. */
import { hash } from "node:crypto";
import { binding } from "../../src/compute/native/binding.js";
import { MerkleTree, OwnedBytes } from "../../src/compute/native/hashing.js";
import { hexOf, type Peer } from "../harness.js";
import { sha256BlockBytes } from "./batches.js";
import { viewOf } from "./blake3.js";
import { sha256Arithmetic, smallest } from "./limits.js";
import { javascriptRoot, plainJavascriptRoot, rootWithoutPrefixes } from "./merkle-javascript.js";
import { memoryLine } from "./merkle-memory.js";
import { type MerkleTreeJsHash, merkleTreeJs, nodeCrypto } from "./peers.js";
import { sha256References } from "./references.js";
import { type Family, kib, mib, partsOf, randomBytes, threadsText } from "./setting.js";

const count = 1_000_000;
/** merkletreejs takes seconds for a million, so it gets fewer unless the run is a full one. */
const fewer = 200_000;
/** A minute and more with crypto-js. */
const fewest = 5_000;
const digestBytes = 32;
/** What is hashed: a leaf after one byte, two digests after one byte. */
const nodeBytes = 1 + 2 * digestBytes;

interface Tree {
  readonly name: string;
  readonly leafBytes: number;
  /** Least ratios that were promised. */
  readonly merkleTreeJs: number;
  readonly javascript: number;
}

const trees: readonly Tree[] = [
  { name: "64 B", leafBytes: 64, merkleTreeJs: 100, javascript: 30 },
  { name: "1 KiB", leafBytes: kib, merkleTreeJs: 25, javascript: 10 },
];

export const merkle: Family = {
  goals: "H5",
  threads: (all) => (all === 1 ? [1] : [1, all]),
  async *lines({ threads, full }) {
    for (const tree of trees) {
      // In a process of its own, before this one holds as many bytes.
      yield await memoryLine(`H5 tree of 10^6 leaves of ${tree.name}`, tree.leafBytes, threads);
      const owned = OwnedBytes.take(randomBytes(count * tree.leafBytes));
      const bytes = await viewOf(owned);
      const want = hexOf(javascriptRoot(partsOf(bytes, count)));
      const line = {
        name: `H5 tree of 10^6 leaves of ${tree.name}, ${threadsText(threads)}`,
        work: count,
        unit: "leaves",
        ours: { run: () => rootOf(owned), want },
        limit: () => smallest(sha256Arithmetic(threads))(blockBytesALeaf(tree.leafBytes)),
      } as const;
      if (threads === 1) {
        const leaves = partsOf(bytes, count);
        for (const peer of merkleTreeJsPeers(leaves, full)) {
          yield { ...line, peer, goal: { ratio: tree.merkleTreeJs } };
        }
        for (const peer of javascript(leaves, want)) {
          yield { ...line, peer, goal: { ratio: tree.javascript } };
        }
      }
      yield { ...line, peer: kernelAlone(tree.leafBytes, threads), goal: { ratio: 1 / 1.15 } };
    }
  },
};

async function rootOf(data: OwnedBytes): Promise<Uint8Array> {
  const tree = new MerkleTree();
  await tree.appendAsync({ data, count });
  return tree.root();
}

/** A leaf, and the one node that there is for it. */
const blockBytesALeaf = (leafBytes: number): number =>
  sha256BlockBytes(1 + leafBytes) + sha256BlockBytes(nodeBytes);

/** With the fastest hash that can be given to it, and with the one that its README gives to it. */
function merkleTreeJsPeers(leaves: readonly Uint8Array[], full: boolean): (Peer | string)[] {
  const library = merkleTreeJs();
  if (typeof library === "string") return [library];
  // What is no Buffer it would not hand to crypto-js in a form that crypto-js knows.
  const buffers = leaves.map((leaf) => Buffer.from(leaf.buffer, leaf.byteOffset, leaf.length));
  const peer = (over: string, some: readonly Uint8Array[], sha256: MerkleTreeJsHash): Peer => ({
    name: `${library.name} over ${over}, ${some.length / 1000} k leaves`,
    run: () => new library.MerkleTree(some, sha256, { hashLeaves: true }).getRoot(),
    want: hexOf(rootWithoutPrefixes(some)),
    work: some.length,
  });
  return [
    peer("crypto.hash", full ? buffers : buffers.slice(0, fewer), (data) =>
      hash("sha256", data, "buffer"),
    ),
    peer("crypto-js", buffers.slice(0, fewest), library.cryptoJsSha256),
  ];
}

/** As it is mostly written, and in the fastest form that has been found. */
function javascript(leaves: readonly Uint8Array[], want: string): Peer[] {
  const plain = { name: `JavaScript over ${nodeCrypto}`, run: () => plainJavascriptRoot(leaves) };
  const best = { name: `best JavaScript over ${nodeCrypto}`, run: () => javascriptRoot(leaves) };
  return [plain, best].map((peer) => ({ ...peer, want }));
}

/**
 * As many messages of the same lengths through the same kernel, in batches that stay in cache, into
 * memory that is there: what the tree adds is reading leaves and keeping digests. Called below the
 * library's face, whose fresh array for the digests is no part of a kernel.
 */
function kernelAlone(leafBytes: number, threads: number): Peer {
  const addon = binding();
  const batchOf = (sizeBytes: number) => {
    // Half of a second cache; for several threads what still costs nothing to read, since each call has to
    // wake them.
    const batchBytes = threads === 1 ? 512 * kib : threads * 2 * mib;
    const messages = Math.floor(batchBytes / sizeBytes);
    const data = randomBytes(messages * sizeBytes);
    return { data, messages, out: new Uint8Array(messages * digestBytes) };
  };
  type Batch = ReturnType<typeof batchOf>;
  const hashAll = ({ data, messages, out }: Batch, total: number): void => {
    const sizeBytes = data.length / messages;
    for (let left = total; left > 0; left -= messages) {
      const now = Math.min(left, messages);
      const some = now === messages ? data : data.subarray(0, now * sizeBytes);
      addon.sha256Many(some, now, undefined, out.subarray(0, now * digestBytes));
    }
  };
  const leaf = batchOf(1 + leafBytes);
  const node = batchOf(nodeBytes);
  return {
    name: `our kernel alone, from cache`,
    run: () => {
      hashAll(leaf, count);
      hashAll(node, count - 1);
      return [leaf.out, node.out];
    },
    want: [leaf, node]
      .map(({ data, messages }) => sha256References(partsOf(data, messages)))
      .join(""),
  };
}
