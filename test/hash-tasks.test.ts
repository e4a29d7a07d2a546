/**
 * Hashing off the event loop: whose memory it is, how it stops, what it tells; streams; and Merkle trees
 * against their definition and the log's own checks.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import t from "tap";
import { sha256 as plainSha256, toHex } from "../src/base/bytes.js";
import { QuipuError } from "../src/base/errors.js";
import { binding } from "../src/compute/native/binding.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import {
  DeviceBytes,
  Hasher,
  HashStream,
  hash,
  hashAsync,
  hashFile,
  hashManyAsync,
  hashTree,
  MerkleFrontier,
  MerkleTree,
  OwnedBytes,
} from "../src/compute/native/hashing.js";
import { runTask } from "../src/compute/native/task.js";
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

/** Its type comes with the libraries of browsers only. */
const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;
interface WasmApi {
  readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
}
const mib = 1024 * 1024;
const large = patternBytes(40 * mib);
const largeSha256 = createHash("sha256").update(large).digest("hex");
const sha256 = { algorithm: "sha256" } as const;
const equalDigests = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.map(toHex).join() === b.map(toHex).join();

t.test("memory is copied, or taken over and given back", async (t) => {
  const mine = patternBytes(3 * mib);
  const want = toHex(await hashAsync(mine));
  const copied = hashAsync(mine);
  mine.fill(0); // of no consequence: the bytes were copied before the call returned
  t.equal(toHex(await copied), want);

  const given = patternBytes(3 * mib);
  const owned = OwnedBytes.take(given);
  t.equal(given.length, 0, "what was taken over is empty here");
  t.equal(owned.length, 3 * mib);
  const [first, second] = [hashAsync(owned), hashAsync(owned, sha256)];
  t.equal((await failure((async () => owned.release())())).code, "CONFLICT", "in use");
  t.equal(toHex(await first), want, "one piece of memory, two tasks");
  t.equal(
    toHex(await second),
    createHash("sha256")
      .update(patternBytes(3 * mib))
      .digest("hex"),
  );
  const back = owned.release();
  t.equal(back.length, 3 * mib);
  t.equal(toHex(await hashAsync(back)), want, "given back as it was");
  t.equal((await failure(hashAsync(owned))).code, "INVALID_ARGUMENT", "released");

  const shared = new Uint8Array(new SharedArrayBuffer(mib));
  shared.set(patternBytes(mib));
  t.equal(
    toHex(await hashAsync(shared)),
    toHex(await hashAsync(patternBytes(mib))),
    "a copy of it",
  );
  const small = new Uint8Array(new SharedArrayBuffer(16));
  t.equal(toHex(await hashAsync(small)), toHex(hash(new Uint8Array(16))), "and if it is small");
  for (const [what, data] of [
    ["shared memory", shared],
    ["a part of a buffer", back.subarray(1)],
    ["Node's own pool", Buffer.from("x")],
    ["memory of WebAssembly", new Uint8Array(new wasm.Memory({ initial: 1 }).buffer)],
  ] as const) {
    const refused = await failure((async () => OwnedBytes.take(data))());
    t.equal(refused.code, "INVALID_ARGUMENT", what);
    t.match(refused.next, /copied/);
  }
  t.equal(back.length, 3 * mib, "a refusal takes nothing");
});

t.test("a task can be aborted, and says how far it is", async (t) => {
  const owned = OwnedBytes.copyOf(large);
  const told: number[] = [];
  const digest = await hashAsync(owned, {
    ...sha256,
    onProgress: (done, total) => told.push(done, total),
  });
  t.equal(toHex(digest), largeSha256);
  t.same(told.slice(-2), [large.length, large.length], "progress ends at all bytes");

  const stopped = (reason?: DOMException): Promise<QuipuError> =>
    failureInTime(() => {
      const stop = new AbortController();
      const running = hashAsync(owned, { ...sha256, signal: stop.signal });
      stop.abort(reason);
      return running;
    });
  t.equal((await stopped()).code, "CANCELLED");
  const timeout = new DOMException("it took too long", "TimeoutError");
  t.equal((await stopped(timeout)).code, "DEADLINE_EXCEEDED");
  t.equal((await failure(hashAsync(owned, { signal: AbortSignal.abort() }))).code, "CANCELLED");
  const many = { data: owned, count: large.length / 64 };
  t.equal((await failure(hashManyAsync(many, { signal: AbortSignal.abort() }))).code, "CANCELLED");
  t.equal(toHex(await hashAsync(owned, sha256)), largeSha256, "the memory is unharmed");
});

t.test("what is told of progress may throw", async (t) => {
  const wrong = new Error("whoever listens has a fault");
  const onProgress = (): void => {
    throw wrong;
  };
  // A task that goes on until it is stopped: only a report in its midst can do that.
  const endless = runTask({ onProgress }, 10, "waiting", async (control) => {
    while (Atomics.load(control, 0) === 0n) await nextTurn();
    throw new QuipuError("CANCELLED", "it was stopped");
  });
  t.equal(await endless.catch((thrown: unknown) => thrown), wrong, "stopped, and told why");
  const hasher = new Hasher();
  const tree = new MerkleTree();
  for (const last of [
    () => hashAsync(new Uint8Array(3), { onProgress }),
    () => hashManyAsync([new Uint8Array(3)], { onProgress }),
    () => hashFile("/etc/passwd", { onProgress }),
    () => hashTree("examples", { onProgress }),
    () => hasher.updateAsync(new Uint8Array(3), { onProgress }),
    () => tree.appendAsync([new Uint8Array(3)], { onProgress }),
  ]) {
    const outcome: unknown = await (last() as Promise<unknown>).catch((thrown: unknown) => thrown);
    t.equal(outcome, wrong, last.toString());
  }
  t.equal(tree.size, 1, "thrown at the end, the work has been done");
  const refused = await failure((async () => hasher.digest())());
  t.equal(refused.code, "CONFLICT", "but a hasher has no half-known state");
});

t.test("bytes of a device need one", async (t) => {
  const { cuda } = capabilities({ probeCuda: true });
  const outcome = DeviceBytes.upload(new Uint8Array(8));
  if (cuda.usable) t.equal((await outcome).length, 8);
  else t.equal((await failure(outcome)).code, "BACKEND_UNAVAILABLE");
  const signal = AbortSignal.abort();
  const late = DeviceBytes.upload(new Uint8Array(8), { signal });
  t.equal((await failure(late)).code, "CANCELLED");
  // As a program without types might make them.
  const made = Reflect.construct(DeviceBytes, [{}, 8]) as DeviceBytes;
  for (const [code, call] of [
    ["INVALID_ARGUMENT", () => hashAsync(made)],
    ["INVALID_ARGUMENT", () => hashAsync(made, sha256)],
    ["INVALID_ARGUMENT", () => hashAsync(made, { backend: "portable" })],
    ["INVALID_ARGUMENT", () => hashAsync(made, { length: 0 })],
    ["CANCELLED", () => hashAsync(made, { signal })],
    ["INVALID_ARGUMENT", () => new MerkleFrontier().appendAsync({ data: made, count: 2 })],
  ] as const) {
    t.equal((await failure(call())).code, code, call.toString());
  }
  const frontier = new (binding().MerkleFrontier)(0, new Uint8Array(0));
  const refused = (async () => {
    const device = {} as Awaited<ReturnType<ReturnType<typeof binding>["deviceUpload"]>>;
    return frontier.appendAsync(device, 1, undefined, new BigInt64Array(2));
  })();
  t.equal((await failure(refused)).code, "INVALID_ARGUMENT", "and not something else");
});

t.test("a hasher takes one update at a time", async (t) => {
  const hasher = new Hasher(sha256);
  const running = hasher.updateAsync(large);
  for (const call of [() => hasher.update(new Uint8Array(1)), () => hasher.digest()]) {
    t.equal((await failure((async () => call())())).code, "CONFLICT", call.toString());
  }
  t.equal((await failure(hasher.updateAsync(large))).code, "CONFLICT");
  await running;
  t.equal(toHex(hasher.digest()), largeSha256, "and the refused ones changed nothing");

  const signal = AbortSignal.abort();
  t.equal((await failure(hasher.updateAsync(large, { signal }))).code, "CANCELLED");
  t.equal(toHex(hasher.digest()), largeSha256, "nor did one that never began");
  let spoiled = new Hasher();
  const aborted = await failureInTime(() => {
    const stop = new AbortController();
    spoiled = new Hasher(sha256);
    const running = spoiled.updateAsync(large, { signal: stop.signal });
    stop.abort();
    return running;
  });
  t.equal(aborted.code, "CANCELLED");
  for (const call of [
    () => spoiled.update(new Uint8Array(1)),
    () => spoiled.updateAsync(new Uint8Array(1)),
    () => spoiled.digest(),
  ]) {
    const refused = await failure((async () => call())());
    t.equal(refused.code, "CONFLICT", call.toString());
    t.match(refused.next, /new hasher/);
  }
});

t.test("a stream that is faster than the hash is held back", async (t) => {
  const pieces = [large.subarray(0, 3), large.subarray(3, 30 * mib), large.subarray(30 * mib)];
  const stream = new HashStream({ ...sha256 });
  await pipeline(Readable.from(pieces), stream);
  t.equal(toHex(stream.digest()), largeSha256);

  const slow = new HashStream(sha256);
  t.equal(slow.write(large), false, "the source is told to wait");
  t.equal(slow.writableLength, large.length);
  await new Promise((resolve) => slow.once("drain", resolve));
  t.equal(toHex(slow.digest()), largeSha256, "until the bytes have been hashed");
  await new Promise((resolve) => slow.end(resolve));
  t.equal(toHex(slow.digest()), largeSha256, "and at its end");

  let left = new HashStream(sha256);
  const givenUp = await failureInTime(() => {
    left = new HashStream(sha256);
    const written = new Promise<void>((resolve, reject) => {
      left.write(large, (error) => (error instanceof QuipuError ? reject(error) : resolve()));
    });
    left.destroy();
    return written;
  });
  t.equal(givenUp.code, "CANCELLED", "one that is given up hashes no further");
  t.equal((await failure((async () => left.digest())())).code, "CONFLICT");

  const broken = new HashStream();
  const failed = new Promise<unknown>((resolve) => broken.once("error", resolve));
  broken.write(new Uint8Array(new SharedArrayBuffer(4)));
  t.equal(((await failed) as { code: string }).code, "INVALID_ARGUMENT");
  const text = new HashStream();
  text.end("naïve");
  await new Promise((resolve) => text.once("finish", resolve));
  t.equal(toHex(text.digest()), toHex(hash(Buffer.from("naïve"))), "text is UTF-8");
});

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
