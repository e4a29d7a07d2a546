/** Random trees: root, inclusion and consistency of each against the definition in RFC 6962. */
import { sha256, toHex } from "../../src/base/bytes.js";
import { seededRandom } from "../../src/base/random.js";
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
const widthMax = 130;

export async function treesProve(
  count: number,
  seed: number,
  tell: (done: number) => void,
): Promise<void> {
  const random = seededRandom(seed);
  const bytes = patternBytes(4096);
  const backends = cpuBackends.filter((backend) => optionsOf(backend).skip === undefined);
  for (let done = 0; done < count; done += 1) {
    const [a = 0, b = 0, c = 0, ...widths] = random.bytes(3 + sizeMax);
    const size = 1 + (a % sizeMax);
    const leaves = widths
      .slice(0, size)
      .map((width, i) => bytes.subarray(i * 50, i * 50 + (width % widthMax)));
    const backend = backends[done % backends.length];
    const fault = faultOf(leaves, b % size, c % (size + 1), new MerkleTree({ backend }));
    if (fault !== undefined) throw new Error(`tree ${done}, ${backend}: ${fault}`);
    if (done % 1000 === 0) {
      tell(done);
      await new Promise(setImmediate);
    }
  }
}

function faultOf(
  leaves: readonly Uint8Array[],
  index: number,
  oldSize: number,
  tree: MerkleTree,
): string | undefined {
  tree.append(leaves);
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
