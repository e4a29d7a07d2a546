/**
 * BLAKE3 and SHA-256: every backend against official vectors, node:crypto, an independent BLAKE3 and
 * b3sum; one message, pieces, and many messages at once; everything that can be wrong with a call.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blake3 as nobleBlake3 } from "@noble/hashes/blake3.js";
import fc from "fast-check";
import t from "tap";
import { sha256 as plainSha256, toHex } from "../src/base/bytes.js";
import type { Backend } from "../src/compute/native/binding.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import {
  DeviceBytes,
  Hasher,
  type HashOptions,
  hash,
  hashAsync,
  hashFile,
  hashMany,
  hashManyAsync,
  MerkleFrontier,
  MerkleTree,
  OwnedBytes,
  synchronousBytesMax,
} from "../src/compute/native/hashing.js";
import { failure } from "./failure.js";
import {
  blake3VectorPath,
  blake3Vectors,
  cpuBackends,
  optionsOf,
  patternBytes,
} from "./hash-reference.js";

const pattern = patternBytes(300_000);

const vectors = blake3Vectors();
const vectorsSkip = vectors === undefined ? { skip: `${blake3VectorPath} is not here` } : {};

/** 0 to 5 blocks byte by byte; every boundary of chunks, lanes and tasks up to 300 KiB, and beside it. */
const lengths = Array.from({ length: 321 }, (_, i) => i);
for (let chunks = 1; chunks <= 68; chunks += 1) {
  lengths.push(chunks * 1024 - 1, chunks * 1024, chunks * 1024 + 1);
}
for (const chunks of [127, 128, 129, 255, 256, 257, 290]) {
  lengths.push(chunks * 1024 - 1, chunks * 1024, chunks * 1024 + 1);
}

/** Any number of bytes: above the size that may be hashed at once, in pieces. */
function digestOf(data: Uint8Array, options: HashOptions): string {
  if (data.length <= synchronousBytesMax) return toHex(hash(data, options));
  const hasher = new Hasher(options);
  for (let at = 0; at < data.length; at += synchronousBytesMax) {
    hasher.update(data.subarray(at, at + synchronousBytesMax));
  }
  return toHex(hasher.digest());
}

for (const backend of cpuBackends) {
  t.test(
    `BLAKE3 official vectors, ${backend}`,
    { ...optionsOf(backend), ...vectorsSkip },
    async (t) => {
      if (vectors === undefined) return;
      t.equal(vectors.cases.length, 35);
      for (const { input_len, hash: plain, keyed_hash, derive_key } of vectors.cases) {
        const input = pattern.subarray(0, input_len);
        const length = plain.length / 2;
        const key = new TextEncoder().encode(vectors.key);
        const modes = [
          { want: plain, options: { backend, length } },
          { want: keyed_hash, options: { backend, length, key } },
          { want: derive_key, options: { backend, length, context: vectors.context_string } },
        ];
        for (const { want, options } of modes) {
          t.equal(toHex(hash(input, options)), want, `${input_len} bytes`);
          const { length: _, ...short } = options;
          t.equal(toHex(hash(input, short)), want.slice(0, 64));
          const hasher = new Hasher(options);
          for (let at = 0; at < input.length; at += 1021) {
            hasher.update(input.subarray(at, at + 1021));
          }
          t.equal(toHex(hasher.digest()), want, `${input_len} bytes in pieces`);
          t.equal(toHex(await hashAsync(input, options)), want, "off the event loop");
          t.equal(toHex(hashMany([input, input], short)), want.slice(0, 64).repeat(2), "of two");
        }
      }
    },
  );

  t.test(`every length around a boundary, ${backend}`, optionsOf(backend), async (t) => {
    const wrong: string[] = [];
    for (const length of lengths) {
      const input = pattern.subarray(0, length);
      const sha256 = digestOf(input, { algorithm: "sha256", backend });
      if (sha256 !== toHex(plainSha256(input))) wrong.push(`sha256 ${length}`);
      if (digestOf(input, { backend }) !== toHex(nobleBlake3(input)))
        wrong.push(`blake3 ${length}`);
    }
    t.same(wrong, []);
  });

  t.test(`any split of any input, ${backend}`, optionsOf(backend), async (t) => {
    const cuts = fc.array(fc.oneof(fc.nat(70), fc.nat(5000), fc.nat(140_000)), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (sizes) => {
        const blake3 = new Hasher({ backend });
        const sha256 = new Hasher({ algorithm: "sha256", backend });
        let at = 0;
        for (const size of sizes) {
          const piece = pattern.subarray(at, at + size);
          blake3.update(piece);
          sha256.update(piece);
          at += piece.length;
        }
        const whole = pattern.subarray(0, at);
        return (
          toHex(blake3.digest()) === digestOf(whole, { backend: "portable" }) &&
          toHex(sha256.digest()) === toHex(plainSha256(whole))
        );
      }),
      { numRuns: 60 },
    );
    t.ok(true, "60 random splits");
  });

  t.test(`many messages at once are each by itself, ${backend}`, optionsOf(backend), async (t) => {
    // Block, chunk and tail boundaries; nothing; and messages long enough to fill the lanes alone.
    const size = fc.oneof(
      fc.nat(200),
      fc.nat(1100),
      fc.constantFrom(0, 55, 56, 63, 64, 65, 1023, 1024, 1025, 2048, 3072, 5000, 16_384, 20_000),
    );
    const algorithm = fc.constantFrom("blake3" as const, "sha256" as const);
    const sizes = fc.array(size, { maxLength: 60 });
    fc.assert(
      fc.property(sizes, algorithm, fc.boolean(), (sizes, algorithm, keyed) => {
        const key = keyed && algorithm === "blake3" ? pattern.subarray(9, 41) : undefined;
        let at = 0;
        const messages = sizes.map((size) => {
          if (at + size > synchronousBytesMax) at = 0;
          at += size;
          return pattern.subarray(at - size, at);
        });
        let costBytes = 0;
        const fitting = messages.filter((one) => {
          costBytes += one.length + 64;
          return costBytes <= synchronousBytesMax;
        });
        const want = fitting.map((one) =>
          toHex(hash(one, { algorithm, key, backend: "portable" })),
        );
        return toHex(hashMany(fitting, { algorithm, key, backend })) === want.join("");
      }),
      { numRuns: 150 },
    );
    for (const size of [1, 31, 32, 64, 100, 1000, 1024]) {
      for (const count of [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 33, 63, 200]) {
        const data = pattern.subarray(3, 3 + size * count);
        const each = (algorithm: "blake3" | "sha256"): string =>
          Array.from({ length: count }, (_, i) =>
            toHex(
              hash(data.subarray(i * size, (i + 1) * size), { algorithm, backend: "portable" }),
            ),
          ).join("");
        for (const algorithm of ["blake3", "sha256"] as const) {
          const got = toHex(hashMany({ data, count }, { algorithm, backend }));
          if (got !== each(algorithm)) t.fail(`${count} messages of ${size} bytes, ${algorithm}`);
        }
      }
    }
    t.ok(true, "150 random batches, and equal sizes around the lanes");
  });
}

const b3sum = { skip: spawnSync("b3sum", ["--version"]).status === 0 ? false : "no b3sum here" };
t.test("every length is what b3sum says", b3sum, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const paths = lengths.map((length) => {
    const path = join(folder, String(length));
    writeFileSync(path, pattern.subarray(0, length));
    return path;
  });
  const told = execFileSync("b3sum", ["--no-names", ...paths], { encoding: "utf8" });
  const ours = lengths.map((length) => digestOf(pattern.subarray(0, length), {}));
  t.same(told.trim().split("\n"), ours);
});

t.test("large inputs use the pool and give the same bits", async (t) => {
  const large = patternBytes(9 * 1024 * 1024 + 12_345);
  const usable = cpuBackends.filter((backend) => optionsOf(backend).skip === undefined);
  const digests = await Promise.all(usable.map((backend) => hashAsync(large, { backend })));
  t.equal(new Set(digests.map(toHex)).size, 1, "one digest");
  t.equal(toHex(await hashAsync(large, { algorithm: "sha256" })), toHex(plainSha256(large)));
  const streamed = new Hasher();
  for (let at = 0; at < large.length; at += 3_000_001) {
    await streamed.updateAsync(large.subarray(at, at + 3_000_001));
  }
  t.equal(toHex(streamed.digest()), toHex(digests[0] ?? new Uint8Array()));
  t.equal(digestOf(large, {}), toHex(streamed.digest()), "in pieces");
});

t.test("wrong arguments are refused with a code", async (t) => {
  const one = Uint8Array.of(1);
  const code = async (call: () => unknown) => (await failure((async () => call())())).code;
  const invalid: readonly (() => unknown)[] = [
    () => hash(one, { key: new Uint8Array(31) }),
    () => hash(one, { key: new Uint8Array(32), context: "both" }),
    () => hash(one, { length: 0 }),
    () => hash(one, { length: 1.5 }),
    () => hash(one, { length: 2 ** 53 + 2 }),
    () => hash(one, { algorithm: "sha256", length: 20 }),
    () => hash(one, { algorithm: "sha256", key: new Uint8Array(32) }),
    () => hash(one, { algorithm: "md5" as "sha256" }),
    () => hash(one, { context: 5 as unknown as string }),
    () => hash(one, { context: new Uint8Array(32) as unknown as string }),
    () => hashMany([one], { length: 16 }),
    () => hashManyAsync([one], { length: 64 }),
    () => hashManyAsync([one], { algorithm: "sha256", context: "none" }),
    () => hashMany({ data: one, count: 2 }),
    () => hashMany({ data: one, count: 2 ** 53 }),
    () => hashMany({ data: one, count: -1 }),
    () => hashMany({ data: one, count: 1, ends: Float64Array.of(2 ** 53 + 2) }),
    () => hashMany({ data: one, count: 1, ends: Float64Array.of(0) }),
    () => hashMany({ data: one, count: 2, ends: Float64Array.of(1, 0) }),
    () => hashMany({ data: one, count: 2, ends: Float64Array.of(0.5, 1) }),
    () => hashMany({ data: one, count: 2, ends: Float64Array.of(1) }),
  ];
  for (const call of invalid) t.equal(await code(call), "INVALID_ARGUMENT", call.toString());
  t.equal(await code(() => hash(one, { backend: "sse9" as Backend })), "BACKEND_UNAVAILABLE");

  const large = new Uint8Array(synchronousBytesMax + 1);
  for (const call of [
    () => hash(large),
    () => hashMany({ data: large, count: 1 }),
    () => hashMany({ data: one.subarray(1), count: 4097 }),
    () => hashMany(new Array<Uint8Array>(5000).fill(one)),
    () => new MerkleTree().append(new Array<Uint8Array>(5000).fill(one)),
    () => new MerkleFrontier().append({ data: large, count: 1 }),
    () => new Hasher().update(large),
  ]) {
    const refused = await failure((async () => call())());
    t.equal(refused.code, "LIMIT_EXCEEDED", call.toString());
    t.match(refused.next, /await \w+Async instead/);
  }
  t.equal(hash(large.subarray(1)).length, 32, "one byte less is hashed at once");

  t.equal(hashMany({ data: one.subarray(1), count: 4096 }).length, 4096 * 32, "and so are few");
  t.equal(toHex(hash(new Uint8Array(0))), toHex(nobleBlake3(new Uint8Array(0))), "empty is not");
});

/** Everything that takes bytes, as it is called with them. */
const entries: readonly (readonly [name: string, call: (data: Uint8Array) => unknown])[] = [
  ...(["blake3", "sha256"] as const).flatMap((algorithm): typeof entries => [
    [`hash, ${algorithm}`, (data) => hash(data, { algorithm })],
    [`hashAsync, ${algorithm}`, (data) => hashAsync(data, { algorithm })],
    [`update, ${algorithm}`, (data) => new Hasher({ algorithm }).update(data).digest()],
    [`updateAsync, ${algorithm}`, (data) => new Hasher({ algorithm }).updateAsync(data)],
    [`hashMany, ${algorithm}`, (data) => hashMany([data], { algorithm })],
    [`hashMany packed, ${algorithm}`, (data) => hashMany({ data, count: 1 }, { algorithm })],
    [`hashManyAsync, ${algorithm}`, (data) => hashManyAsync([data], { algorithm })],
    [
      `hashManyAsync packed, ${algorithm}`,
      (data) => hashManyAsync({ data, count: 1 }, { algorithm }),
    ],
  ]),
  ...[MerkleTree, MerkleFrontier].flatMap((Tree): typeof entries => [
    [`${Tree.name} append`, (data) => new Tree().append([data])],
    [`${Tree.name} append packed`, (data) => new Tree().append({ data, count: 1 })],
    [`${Tree.name} appendAsync`, (data) => new Tree().appendAsync([data])],
    [`${Tree.name} appendAsync packed`, (data) => new Tree().appendAsync({ data, count: 1 })],
  ]),
  ["a frontier's hash", (data) => new MerkleFrontier({ size: 1, hashes: [data] })],
  ["take", (data) => OwnedBytes.take(data)],
  ["copyOf", (data) => OwnedBytes.copyOf(data)],
  ["upload", (data) => DeviceBytes.upload(data)],
  ["a key", (data) => hash(Uint8Array.of(1), { key: data })],
  ["a key, later", (data) => hashAsync(Uint8Array.of(1), { key: data })],
  ["a hasher's key", (data) => new Hasher({ key: data })],
  ["a file's key", (data) => hashFile("/etc/hostname", { key: data })],
  ["a file's path", (data) => hashFile(data)],
];

t.test("what is not bytes is refused wherever bytes are taken", async (t) => {
  const detached = new Uint8Array(8);
  structuredClone(detached, { transfer: [detached.buffer] });
  const resizable = new ArrayBuffer(100, { maxByteLength: 200 });
  const shrunk = new Uint8Array(resizable, 50, 50);
  resizable.resize(10);
  const wrong: readonly (readonly [what: string, value: unknown])[] = [
    ["null", null],
    ["undefined", undefined],
    ["a number", 5],
    ["text", "text"],
    ["numbers", [1, 2, 3]],
    ["an ArrayBuffer", new ArrayBuffer(32)],
    ["a large ArrayBuffer", new ArrayBuffer(synchronousBytesMax + 1)],
    ["a SharedArrayBuffer", new SharedArrayBuffer(32)],
    ["a DataView", new DataView(new ArrayBuffer(32))],
    ["an array of another type", new Uint16Array(32)],
    ["something like an array", { length: 32, byteLength: 32, buffer: new ArrayBuffer(32) }],
    ["what was transferred away", detached],
    ["what its buffer has shrunk away from", shrunk],
  ];
  for (const [name, call] of entries) {
    for (const [what, value] of wrong) {
      const isMeant =
        (what === "undefined" && / key/.test(name)) || (what === "text" && /path/.test(name));
      if (isMeant) continue;
      const refused = await failure((async () => call(value as Uint8Array))());
      if (refused.code !== "INVALID_ARGUMENT") t.fail(`${name}, ${what}: ${refused.message}`);
    }
  }
  for (const [what, value] of wrong) {
    const messages = value as Uint8Array[];
    for (const call of [
      () => hashMany(messages),
      () => hashManyAsync(messages),
      () => new MerkleTree().append(messages),
      () => new MerkleFrontier().appendAsync(messages),
      () => new MerkleFrontier({ size: 1, hashes: messages }),
    ]) {
      const refused = await failure((async () => call())());
      if (refused.code !== "INVALID_ARGUMENT") t.fail(`${call}, ${what}: ${refused.message}`);
    }
  }
  const holes = new Array<Uint8Array>(3);
  t.equal((await failure((async () => hashMany(holes))())).code, "INVALID_ARGUMENT", "holes");

  // Shared memory is refused where it would be read in place, and copied elsewhere.
  const shared = new Uint8Array(new SharedArrayBuffer(32));
  for (const [name, call] of entries.filter(([name]) => !/upload|path|file/.test(name))) {
    const code = await (async () => call(shared))().then(
      () => undefined,
      (thrown: { code: string }) => thrown.code,
    );
    const isLent = /^(hash|hashMany packed|update), |append packed|take|^a (key|hasher)/.test(name);
    t.equal(code, isLent ? "INVALID_ARGUMENT" : undefined, `shared memory, ${name}`);
  }
});

t.test("the library as others import it", async (t) => {
  const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as {
    exports: Record<string, { types: string; default: string }>;
  };
  for (const [name, { types, default: code }] of Object.entries(exports)) {
    t.ok(existsSync(types) && existsSync(code), name);
    t.equal(types.replace(".d.ts", ".js"), code, "types of what runs");
  }
  const library = await import("quipu/hash");
  t.equal(toHex(library.hash(Uint8Array.of(1))), toHex(hash(Uint8Array.of(1))));
  t.notOk("lend" in OwnedBytes.prototype || "native" in DeviceBytes.prototype, "nothing inner");
});

t.test("a backend that is named in the environment", async (t) => {
  const one = Uint8Array.of(1);
  const sha256 = (backend?: Backend): Uint8Array => hash(one, { algorithm: "sha256", backend });
  const before = process.env.QUIPU_BACKEND;
  try {
    process.env.QUIPU_BACKEND = "sse9";
    t.equal((await failure((async () => sha256())())).code, "BACKEND_UNAVAILABLE");
    t.equal(toHex(sha256("portable")), toHex(plainSha256(one)), "a call wins");
    process.env.QUIPU_BACKEND = "portable";
    t.equal(toHex(sha256()), toHex(plainSha256(one)));
  } finally {
    if (before === undefined) delete process.env.QUIPU_BACKEND;
    else process.env.QUIPU_BACKEND = before;
  }
  const { cuda, backends } = capabilities({ probeCuda: true });
  t.equal(cuda.usable, backends.includes("cuda"));
  if (!cuda.usable) {
    t.ok(cuda.reason.length > 10, `says why not: ${cuda.reason}`);
    const refused = await failure((async () => hash(one, { backend: "cuda" }))());
    t.equal(refused.code, "BACKEND_UNAVAILABLE");
  }
});
