/**
 * Random trees: root, inclusion and consistency of each against the definition in RFC 6962. Most are small
 * and soon checked; now and then one is larger than the two times 1,024 leaves that one task hashes.
 */
import { sha256, toHex } from "../../src/base/bytes.js";
import { type Random, randomInteger, seededRandom } from "../../src/base/random.js";
import { MerkleTree } from "../../src/compute/native/hashing.js";
import { checkConsistency, checkInclusion } from "../../src/proof/tlog/check.js";
import {
  cpuBackends,
  optionsOf,
  patternBytes,
  referenceConsistency,
  referencePath,
  referenceRoot,
} from "../hash-reference.js";

const sizeMax = 40;
const [largeSizeMin, largeSizeMax] = [2049, 3100];
const largeEvery = 500;
const widthMax = 130;
const bytes = patternBytes(4096);
/** As many leaves of any width as a plain call takes. */
const leavesAtOnce = 1000;

export async function treesProve(
  count: number,
  seed: number,
  tell: (done: number) => void,
): Promise<void> {
  const random = seededRandom(seed);
  const backends = cpuBackends.filter((backend) => optionsOf(backend).skip === undefined);
  for (let done = 0; done < count; done += 1) {
    const isLarge = done % largeEvery === largeEvery - 1;
    const size = isLarge
      ? largeSizeMin + randomInteger(random, largeSizeMax - largeSizeMin + 1)
      : 1 + randomInteger(random, sizeMax);
    const [index, oldSize] = [randomInteger(random, size), randomInteger(random, size + 1)];
    const backend = backends[done % backends.length];
    const fault = faultOf(leavesOf(random, size), index, oldSize, new MerkleTree({ backend }));
    if (fault !== undefined) throw new Error(`tree ${done}, ${backend}: ${fault}`);
    if (done % 1000 === 0) {
      tell(done);
      await new Promise(setImmediate);
    }
  }
}

function leavesOf(random: Random, size: number): Uint8Array[] {
  return Array.from(random.bytes(size), (width, i) => {
    const at = (i * 50) % (bytes.length - widthMax);
    return bytes.subarray(at, at + (width % widthMax));
  });
}

function faultOf(
  leaves: readonly Uint8Array[],
  index: number,
  oldSize: number,
  tree: MerkleTree,
): string | undefined {
  for (let at = 0; at < leaves.length; at += leavesAtOnce) {
    tree.append(leaves.slice(at, at + leavesAtOnce));
  }
  const size = leaves.length;
  const root = tree.root();
  const what = `size ${size}, index ${index}, from ${oldSize}`;
  if (toHex(root) !== toHex(referenceRoot(leaves))) return `${what}: another root`;
  const hashes = tree.inclusionProof(index);
  if (!equal(hashes, referencePath(index, leaves))) return `${what}: another inclusion proof`;
  const leafHash = sha256(Uint8Array.of(0), leaves[index] ?? new Uint8Array());
  if (!checkInclusion({ index, size, leafHash, hashes, root })) return `${what}: not included`;
  const proof = tree.consistencyProof(oldSize);
  if (!equal(proof, referenceConsistency(oldSize, leaves))) return `${what}: another proof`;
  const trees = { oldSize, newSize: size, oldRoot: tree.root(oldSize), newRoot: root };
  if (oldSize > 0 && !checkConsistency({ ...trees, hashes: proof })) return `${what}: inconsistent`;
  return undefined;
}

const equal = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.map(toHex).join() === b.map(toHex).join();
