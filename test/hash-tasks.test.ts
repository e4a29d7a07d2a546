/** Hashing off the event loop: whose memory it is, how it stops, what it tells; and streams. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { toHex } from "../src/base/bytes.js";
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
import { failure, failureInTime } from "./failure.js";
import { patternBytes } from "./hash-reference.js";

/** Its type comes with the libraries of browsers only. */
const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;
interface WasmApi {
  readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer };
}
const mib = 1024 * 1024;
const large = patternBytes(40 * mib);
const largeSha256 = createHash("sha256").update(large).digest("hex");
const sha256 = { algorithm: "sha256" } as const;

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
