/** Merkle trees against their definition and the log's own checks. */
import fc from "fast-check";
import t from "tap";
import { sha256 as plainSha256, toHex } from "../src/base/bytes.js";
import { binding } from "../src/compute/native/binding.js";
import { MerkleFrontier, MerkleTree, OwnedBytes } from "../src/compute/native/hashing.js";
import { checkConsistency, checkInclusion } from "../src/proof/tlog/check.js";
import { failure, failureInTime } from "./failure.js";
import {
  cpuBackends,
  optionsOf,
  patternBytes,
  referenceConsistency,
  referencePath,
  referenceRoot,
} from "./hash-reference.js";

const mib = 1024 * 1024;
const large = patternBytes(40 * mib);
const equalDigests = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.map(toHex).join() === b.map(toHex).join();

for (const backend of cpuBackends) {
  t.test(`RFC 6962 trees, ${backend}`, optionsOf(backend), async (t) => {
    // The leaves and roots that certificate-transparency test suites share.
    const leaves = [
      "",
      "00",
      "10",
      "2021",
      "3031",
      "40414243",
      "5051525354555657",
      "606162636465666768696a6b6c6d6e6f",
    ].map((hex) => new Uint8Array(Buffer.from(hex, "hex")));
    const roots = [
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    const whole = new MerkleTree({ backend }).append(leaves);
    roots.forEach((root, size) => {
      t.equal(toHex(whole.root(size)), root, `size ${size}`);
    });
    // Leaves of every length around a block, sizes around lanes and tasks, appended in odd parts.
    const bytes = patternBytes(20_000);
    for (const size of [9, 15, 16, 17, 33, 1023, 1024, 1025, 2049, 5000]) {
      const many = Array.from({ length: size }, (_, i) => bytes.subarray(i, i + ((i * 7) % 200)));
      const want = toHex(referenceRoot(many));
      const tree = new MerkleTree({ backend });
      const frontier = new MerkleFrontier(undefined, { backend });
      for (let at = 0; at < size; at += 777) {
        tree.append(many.slice(at, at + 777));
        await frontier.appendAsync(many.slice(at, at + 777));
      }
      t.equal(toHex(tree.root()), want, `size ${size}`);
      t.equal(toHex(frontier.root()), want, `size ${size}, frontier`);
      t.same(tree.frontier(), frontier.state(), `size ${size}, what both remember`);
    }
  });
}

t.test("proofs are those of the definition, and the log's checks take them", async (t) => {
  const bytes = patternBytes(4000);
  const cases = fc.record({
    size: fc.integer({ min: 1, max: 70 }),
    index: fc.nat(),
    old: fc.nat(),
    width: fc.nat(90),
  });
  fc.assert(
    fc.property(cases, ({ size, index, old, width }) => {
      const leaves = Array.from({ length: size }, (_, i) => bytes.subarray(i * 5, i * 5 + width));
      const tree = new MerkleTree().append(leaves);
      const [i, m] = [index % size, old % (size + 1)];
      const path = tree.inclusionProof(i);
      const proof = tree.consistencyProof(m);
      const leafHash = plainSha256(Uint8Array.of(0), leaves[i] ?? new Uint8Array());
      const trees = { oldRoot: tree.root(m), newRoot: tree.root(), oldSize: m, newSize: size };
      return (
        checkInclusion({ index: i, size, leafHash, root: tree.root(), hashes: path }) &&
        (m === 0 || checkConsistency({ ...trees, hashes: proof })) &&
        equalDigests(path, referencePath(i, leaves)) &&
        equalDigests(proof, referenceConsistency(m, leaves))
      );
    }),
    { numRuns: 120 },
  );
  const leaves = Array.from({ length: 3000 }, (_, i) => bytes.subarray(i, i + 40));
  const tree = new MerkleTree();
  await tree.appendAsync(leaves);
  for (const size of [1, 2, 1023, 1024, 1500, 2048, 2999]) {
    const older = leaves.slice(0, size);
    t.same(tree.inclusionProof(size - 1, size), referencePath(size - 1, older), `of ${size}`);
    t.same(tree.consistencyProof(size), referenceConsistency(size, leaves), `from ${size}`);
  }
});

t.test("a frontier goes on where another ended", async (t) => {
  const leaves = Array.from({ length: 5000 }, (_, i) => Buffer.from(`leaf ${i}`));
  const tree = new MerkleTree();
  await tree.appendAsync(leaves);
  const want = toHex(tree.root());
  for (const size of [0, 1, 1000, 1024, 3071, 5000]) {
    const half = new MerkleFrontier();
    await half.appendAsync(leaves.slice(0, size));
    const rest = new MerkleFrontier(half.state());
    await rest.appendAsync(leaves.slice(size));
    t.equal(toHex(rest.root()), want, `from ${size}`);
    t.equal(rest.size, 5000);
  }
  const wrong = { size: 3, hashes: [new Uint8Array(32)] };
  t.equal((await failure((async () => new MerkleFrontier(wrong))())).code, "INVALID_ARGUMENT");
  const short = { size: 1, hashes: [new Uint8Array(31)] };
  t.equal((await failure((async () => new MerkleFrontier(short))())).code, "INVALID_ARGUMENT");
});

t.test("an append that is aborted appends nothing", async (t) => {
  const data = OwnedBytes.copyOf(large);
  const count = large.length / 64;
  const one = [Uint8Array.of(1)];
  const roots: string[] = [];
  for (const make of [() => new MerkleTree(), () => new MerkleFrontier()]) {
    let either = make();
    const aborted = await failureInTime(() => {
      either = make().append(one);
      const stop = new AbortController();
      const running = either.appendAsync({ data, count }, { signal: stop.signal });
      t.throws(() => either.root(), { code: "CONFLICT" }, "while it runs");
      stop.abort();
      return running;
    });
    t.equal(aborted.code, "CANCELLED");
    t.equal(either.size, 1);
    t.equal(toHex(either.root()), toHex(make().append(one).root()));
    await either.appendAsync({ data, count });
    t.equal(either.size, count + 1);
    roots.push(toHex(either.root()));
  }
  t.equal(roots[0], roots[1]);
});

t.test("what a tree does not have is refused", async (t) => {
  const tree = new MerkleTree().append([Uint8Array.of(1), Uint8Array.of(2)]);
  for (const call of [
    () => tree.root(3),
    () => tree.root(-1),
    () => tree.root(0.5),
    () => tree.root(2 ** 60),
    () => tree.inclusionProof(2),
    () => tree.inclusionProof(0, 0),
    () => tree.consistencyProof(2, 1),
    () => tree.consistencyProof(1, 3),
    () => tree.append({ data: new Uint8Array(3), count: 2 }),
  ]) {
    t.equal((await failure((async () => call())())).code, "INVALID_ARGUMENT", call.toString());
  }
  t.same(tree.consistencyProof(0), [], "nothing is consistent with everything");
  t.same(new MerkleTree().frontier(), { size: 0, hashes: [] });
});

t.test("the bounds of leaves cannot move once they are checked", async (t) => {
  const count = 200_000;
  const data = new Uint8Array(count * 4).fill(7);
  const ends = Float64Array.from({ length: count }, (_, i) => 4 * (i + 1));
  const want = new MerkleTree();
  await want.appendAsync({ data, count });
  const tree = new (binding().MerkleTree)("portable");
  const done = tree.appendAsync(data, count, ends, new BigInt64Array(2));
  ends.fill(data.length); // from memory that is no longer looked at
  await done;
  const got = new Uint8Array(32);
  tree.root(count, got);
  t.equal(toHex(got), toHex(want.root()));
});
