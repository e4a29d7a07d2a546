/**
 * Native hashing: every backend against official vectors, node:crypto, an independent BLAKE3 and a
 * Merkle tree in plain TypeScript; files and folders with everything that can be wrong with them.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { blake3 as nobleBlake3 } from "@noble/hashes/blake3.js";
import fc from "fast-check";
import t from "tap";
import { sha256 as plainSha256, toHex } from "../src/base/bytes.js";
import { QuipuError } from "../src/base/errors.js";
import { type Backend, binding } from "../src/compute/native/binding.js";
import { capabilities } from "../src/compute/native/capabilities.js";
import { hashFolder } from "../src/compute/native/data-folder.js";
import {
  Blake3Hasher,
  blake3,
  blake3Async,
  hashFile,
  merkleRoot,
  merkleRootAsync,
  Sha256Hasher,
  sha256,
  sha256Async,
} from "../src/compute/native/hashing.js";
import { openNvml } from "../src/compute/native/nvml.js";
import { sdNotify } from "../src/compute/native/system.js";
import { manifestLeaf } from "../src/model/manifest.js";

const here = capabilities({ probeCuda: false });
const backends: readonly Exclude<Backend, "auto" | "cuda">[] = ["portable", "avx2", "avx512"];
const optionsOf = (backend: Exclude<Backend, "auto">) =>
  here.backends.includes(backend) ? {} : { skip: `this processor cannot run ${backend}` };

/** Bytes that repeat with period 251, as the official vectors use them. */
const pattern = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const codeOf = (code: string) => (thrown: unknown) =>
  thrown instanceof QuipuError && thrown.code === code;
/** The code with which the call fails; the text "no error" when it does not. */
async function failure(call: () => unknown): Promise<string> {
  try {
    await call();
    return "no error";
  } catch (thrown) {
    return thrown instanceof QuipuError ? thrown.code : String(thrown);
  }
}

interface Blake3Vectors {
  readonly key: string;
  readonly context_string: string;
  readonly cases: readonly {
    readonly input_len: number;
    readonly hash: string;
    readonly keyed_hash: string;
    readonly derive_key: string;
  }[];
}

const vectorPath = "../shared/vectors/blake3/test_vectors.json";

for (const backend of backends) {
  t.test(
    `BLAKE3 official vectors, ${backend}`,
    {
      ...optionsOf(backend),
      ...(existsSync(vectorPath) ? {} : { skip: `${vectorPath} is not here` }),
    },
    async (t) => {
      const vectors = JSON.parse(readFileSync(vectorPath, "utf8")) as Blake3Vectors;
      t.equal(vectors.cases.length, 35);
      for (const { input_len, hash, keyed_hash, derive_key } of vectors.cases) {
        const input = pattern.subarray(0, input_len);
        const length = hash.length / 2;
        const key = new TextEncoder().encode(vectors.key);
        const modes = [
          { want: hash, options: { backend, length } },
          { want: keyed_hash, options: { backend, length, key } },
          { want: derive_key, options: { backend, length, context: vectors.context_string } },
        ];
        for (const { want, options } of modes) {
          t.equal(toHex(blake3(input, options)), want, `${input_len} bytes`);
          t.equal(toHex(blake3(input, { ...options, length: 32 })), want.slice(0, 64));
          const hasher = new Blake3Hasher(options);
          for (let at = 0; at < input.length; at += 1021) {
            hasher.update(input.subarray(at, at + 1021));
          }
          t.equal(toHex(hasher.digest()), want, `${input_len} bytes in pieces`);
        }
      }
    },
  );

  t.test(`every length around a boundary, ${backend}`, optionsOf(backend), async (t) => {
    const wrong: string[] = [];
    // SHA-256: 0 to 5 blocks; BLAKE3: blocks, chunks, lanes of 8 and 16 chunks, a pool task.
    const lengths = Array.from({ length: 321 }, (_, i) => i);
    for (const chunks of [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 255, 256, 257]) {
      lengths.push(chunks * 1024 - 1, chunks * 1024, chunks * 1024 + 1);
    }
    for (const length of lengths) {
      const input = pattern.subarray(0, length);
      if (toHex(sha256(input, { backend })) !== toHex(plainSha256(input))) {
        wrong.push(`sha256 ${length}`);
      }
      if (toHex(blake3(input, { backend })) !== toHex(nobleBlake3(input))) {
        wrong.push(`blake3 ${length}`);
      }
    }
    t.same(wrong, []);
  });

  t.test(`any split of any input, ${backend}`, optionsOf(backend), async (t) => {
    const cuts = fc.array(fc.oneof(fc.nat(70), fc.nat(5000), fc.nat(140_000)), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (sizes) => {
        const blake3Hasher = new Blake3Hasher({ backend });
        const sha256Hasher = new Sha256Hasher({ backend });
        let at = 0;
        for (const size of sizes) {
          const piece = pattern.subarray(at, at + size);
          blake3Hasher.update(piece);
          sha256Hasher.update(piece);
          at += piece.length;
        }
        const whole = pattern.subarray(0, at);
        return (
          toHex(blake3Hasher.digest()) === toHex(blake3(whole, { backend: "portable" })) &&
          toHex(sha256Hasher.digest()) === toHex(plainSha256(whole))
        );
      }),
      { numRuns: 60 },
    );
    t.ok(true, "60 random splits");
  });

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
    roots.forEach((root, size) => {
      t.equal(toHex(merkleRoot(leaves.slice(0, size), { backend })), root, `size ${size}`);
    });
    // Leaves of every length around a block, tree sizes around lanes and tasks.
    for (const size of [9, 15, 16, 17, 33, 1023, 1024, 1025, 2049, 3000]) {
      const many = Array.from({ length: size }, (_, i) => pattern.subarray(i, i + ((i * 7) % 200)));
      const want = toHex(referenceRoot(many));
      t.equal(toHex(merkleRoot(many, { backend })), want, `size ${size}`);
      t.equal(toHex(await merkleRootAsync(many, { backend })), want, `size ${size}, async`);
    }
  });
}

/** RFC 6962 §2.1, word for word. */
function referenceRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return plainSha256();
  if (leaves.length === 1) return plainSha256(Uint8Array.of(0), first);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return plainSha256(
    Uint8Array.of(1),
    referenceRoot(leaves.slice(0, split)),
    referenceRoot(leaves.slice(split)),
  );
}

t.test("large inputs use the pool and give the same bits", async (t) => {
  const large = new Uint8Array(9 * 1024 * 1024 + 12_345);
  for (let at = 0; at < large.length; at += pattern.length) {
    large.set(pattern.subarray(0, Math.min(pattern.length, large.length - at)), at);
  }
  const usable = backends.filter((backend) => here.backends.includes(backend));
  const digests = await Promise.all([
    ...usable.map((backend) => blake3Async(large, { backend })),
    ...usable.map(async (backend) => blake3(large, { backend })),
  ]);
  t.equal(new Set(digests.map(toHex)).size, 1, "one digest");
  t.equal(toHex(await sha256Async(large)), toHex(plainSha256(large)));
  const streamed = new Blake3Hasher();
  for (let at = 0; at < large.length; at += 3_000_001) {
    streamed.update(large.subarray(at, at + 3_000_001));
  }
  t.equal(toHex(streamed.digest()), toHex(digests[0] ?? new Uint8Array()));
});

t.test("wrong arguments are refused with a code", async (t) => {
  const one = Uint8Array.of(1);
  const invalid: readonly (() => unknown)[] = [
    () => blake3("text" as unknown as Uint8Array),
    () => blake3(new Uint16Array(2) as unknown as Uint8Array),
    () => blake3(new Uint8Array(new SharedArrayBuffer(8))),
    () => blake3(one, { key: new Uint8Array(31) }),
    () => blake3(one, { key: new Uint8Array(32), context: "both" }),
    () => blake3(one, { length: 0 }),
    () => blake3(one, { length: 1.5 }),
    () => new Blake3Hasher().update(null as unknown as Uint8Array),
    () => hashFile("a\0b"),
  ];
  for (const call of invalid) t.equal(await failure(call), "INVALID_ARGUMENT", call.toString());
  t.equal(await failure(() => blake3(one, { backend: "sse9" as Backend })), "BACKEND_UNAVAILABLE");
  const before = process.env.QUIPU_BACKEND;
  try {
    process.env.QUIPU_BACKEND = "sse9";
    t.equal(await failure(() => sha256(one)), "BACKEND_UNAVAILABLE", "from the environment");
    t.equal(toHex(sha256(one, { backend: "portable" })), toHex(plainSha256(one)), "a call wins");
    process.env.QUIPU_BACKEND = "portable";
    t.equal(toHex(sha256(one)), toHex(plainSha256(one)));
  } finally {
    if (before === undefined) delete process.env.QUIPU_BACKEND;
    else process.env.QUIPU_BACKEND = before;
  }
  const detached = new Uint8Array(8);
  structuredClone(detached, { transfer: [detached.buffer] });
  for (const call of [blake3, sha256, blake3Async, sha256Async] as const) {
    t.equal(await failure(() => call(detached)), "INVALID_ARGUMENT", "its bytes are elsewhere");
  }
  t.equal(toHex(blake3(new Uint8Array(0))), toHex(nobleBlake3(new Uint8Array(0))), "empty is not");
  const cuda = capabilities({ probeCuda: true });
  t.equal(cuda.cuda.usable, cuda.backends.includes("cuda"));
  if (!cuda.cuda.usable) {
    t.ok(cuda.cuda.reason.length > 10, `says why not: ${cuda.cuda.reason}`);
    t.equal(await failure(() => blake3(one, { backend: "cuda" })), "BACKEND_UNAVAILABLE");
  }
});

t.test("the bounds of leaves cannot move once they are checked", async (t) => {
  const count = 200_000;
  const data = new Uint8Array(count * 4).fill(7);
  const ends = BigUint64Array.from({ length: count }, (_, i) => BigInt(4 * (i + 1)));
  const want = new Uint8Array(32);
  binding().merkleRoot(data, want, ends, "portable");
  const got = new Uint8Array(32);
  const done = binding().merkleRootAsync(data, got, ends, "portable");
  ends.fill(BigInt(data.length)); // from memory that is no longer looked at
  await done;
  t.equal(toHex(got), toHex(want));
  ends[1] = 5n;
  t.equal(await failure(() => binding().merkleRoot(data, got, ends)), "INVALID_ARGUMENT");
});

t.test("files: both digests from one read", async (t) => {
  for (const size of [0, 1, 65_536, 1_048_575, 1_048_576, 1_048_577, 5_000_000]) {
    const bytes = Buffer.alloc(size, pattern.subarray(0, 1000));
    const path = join(folder, `file-${size}`);
    writeFileSync(path, bytes);
    const want = {
      sizeBytes: size,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      blake3: toHex(blake3(bytes, { backend: "portable" })),
    };
    t.same(await hashFile(path), want, `${size} bytes`);
    rmSync(path);
  }
  t.equal(await failure(() => hashFile(join(folder, "absent"))), "NOT_FOUND");
  t.equal(await failure(() => hashFile(folder)), "DATA_INVALID");
  t.equal(await failure(() => hashFile("/dev/null")), "DATA_INVALID");
  const link = join(folder, "link");
  symlinkSync("/etc/hostname", link);
  t.equal(await failure(() => hashFile(link)), "DATA_INVALID");
  rmSync(link);
});

t.test("a file that changes, and a call that is aborted", async (t) => {
  const path = join(folder, "sparse");
  writeFileSync(path, "");
  truncateSync(path, 64 * 1024 * 1024);
  let settled = false;
  const outcome = failure(() => hashFile(path)).finally(() => {
    settled = true;
  });
  while (!settled) {
    appendFileSync(path, "x");
    await nextTurn();
  }
  t.equal(await outcome, "DATA_CHANGED");

  const stop = new AbortController();
  const aborted = failure(() => hashFile(path, { signal: stop.signal }));
  stop.abort();
  t.equal(await aborted, "CANCELLED");
  t.equal(await failure(() => hashFile(path, { signal: AbortSignal.abort() })), "CANCELLED");
  rmSync(path);
});

t.test("folders: a manifest that others can check", async (t) => {
  const data = join(folder, "data");
  mkdirSync(join(data, "b", "empty"), { recursive: true });
  writeFileSync(join(data, "b", "two.csv"), "2\n");
  writeFileSync(join(data, "a.csv"), "1\n");
  writeFileSync(join(data, "ä.csv"), "umlaut\n");
  writeFileSync(join(data, "b.csv"), "");
  const progress: number[] = [];
  const manifest = await hashFolder(data, {
    onProgress: (done, total) => progress.push(done, total),
  });
  t.same(
    manifest.entries.map(({ path, sizeBytes }) => [path, sizeBytes]),
    [
      ["a.csv", 2],
      ["b.csv", 0],
      ["b/two.csv", 2],
      ["ä.csv", 7],
    ],
    "sorted by the bytes of the path",
  );
  t.equal(manifest.entries[0]?.sha256, createHash("sha256").update("1\n").digest("hex"));
  t.equal(manifest.merkleRoot, toHex(referenceRoot(manifest.entries.map(manifestLeaf))));
  t.same(progress.slice(-2), [11, 11], "progress ends at all bytes");
  t.same(await hashFolder(data, { backend: "portable" }), manifest, "same on another backend");

  const empty = join(folder, "empty");
  mkdirSync(empty);
  const nothing = await hashFolder(empty);
  t.same(nothing.entries, []);
  t.equal(nothing.merkleRoot, toHex(plainSha256()));
  t.equal(await failure(() => hashFolder(join(folder, "absent"))), "NOT_FOUND");
  t.equal(await failure(() => hashFolder(data, { signal: AbortSignal.abort() })), "CANCELLED");

  const changes: readonly [string, () => void, () => void][] = [
    ["grows", () => appendFileSync(join(data, "a.csv"), "3\n"), () => undefined],
    ["comes", () => writeFileSync(join(data, "new"), ""), () => rmSync(join(data, "new"))],
    ["goes", () => rmSync(join(data, "b.csv")), () => writeFileSync(join(data, "b.csv"), "")],
  ];
  for (const [what, change, undo] of changes) {
    let done = false;
    const onProgress = (): void => {
      if (!done) change();
      done = true;
    };
    t.equal(
      await failure(() => hashFolder(data, { onProgress })),
      "DATA_CHANGED",
      `a file ${what}`,
    );
    undo();
  }
});

t.test("folders: what has no plain place in a manifest is refused by name", async (t) => {
  const data = join(folder, "odd");
  mkdirSync(data);
  writeFileSync(join(data, "good.csv"), "1\n");
  const refused = async (name: string | Buffer, make: (path: Buffer) => void) => {
    const path = Buffer.concat([Buffer.from(`${data}/`), Buffer.from(name as string)]);
    make(path);
    let thrown: unknown;
    try {
      await hashFolder(data);
    } catch (error) {
      thrown = error;
    }
    rmSync(path);
    return thrown;
  };
  const link = await refused("link", (path) => symlinkSync("good.csv", path));
  t.ok(codeOf("DATA_INVALID")(link));
  t.match((link as Error).message, /odd\/link is a symbolic link/);
  const pipe = await refused("pipe", (path) => execFileSync("mkfifo", [path.toString()]));
  t.ok(codeOf("DATA_INVALID")(pipe));
  t.match((pipe as Error).message, /odd\/pipe is a pipe/);
  const name = await refused(Buffer.from([0x66, 0xff, 0x6f]), (path) => writeFileSync(path, ""));
  t.ok(codeOf("DATA_INVALID")(name));
  t.match((name as Error).message, /not UTF-8/);
  t.equal((await hashFolder(data)).entries.length, 1, "and without them it is fine");
  mkdirSync(join(data, ...Array.from({ length: 70 }, () => "d")), { recursive: true });
  t.equal(await failure(() => hashFolder(data)), "LIMIT_EXCEEDED", "nested too deep");
});

t.test("worker threads hash, and may end with work in flight", async (t) => {
  const module = new URL("../src/compute/native/hashing.js", import.meta.url).href;
  const run = (body: string) =>
    new Promise<unknown>((resolve, reject) => {
      const worker = new Worker(
        `import(${JSON.stringify(module)}).then(async (native) => {
           const { parentPort } = await import("node:worker_threads");
           ${body}
         });`,
        { eval: true },
      );
      let message: unknown;
      worker.once("message", (value) => {
        message = value;
      });
      worker.once("error", reject);
      worker.once("exit", () => resolve(message));
    });
  const want = toHex(nobleBlake3(new Uint8Array(3_000_000)));
  const hash = `parentPort.postMessage(
    Buffer.from(await native.blake3Async(new Uint8Array(3_000_000))).toString("hex"));`;
  t.same(await Promise.all([run(hash), run(hash), run(hash)]), [want, want, want]);
  const quit = `for (let i = 0; i < 50; i += 1) {
      native.blake3Async(new Uint8Array(2_000_000)).catch(() => undefined);
      native.hashFile("/etc/hostname").catch(() => undefined);
    }
    parentPort.postMessage("left"); process.exit(0);`;
  t.same(await Promise.all([run(quit), run(quit)]), ["left", "left"]);
  t.equal(toHex(await blake3Async(new Uint8Array(3_000_000))), want, "the main thread goes on");
});

t.test("the number of threads does not change the bits", async (t) => {
  const native = new URL("../src/compute/native/", import.meta.url).href;
  const body = `import { blake3, merkleRoot } from "${native}hashing.js";
    import { capabilities } from "${native}capabilities.js";
    const data = new Uint8Array(3_000_000).map((_, i) => i % 251);
    const leaves = Array.from({ length: 5000 }, (_, i) => data.subarray(i, i + 33));
    console.log(capabilities({ probeCuda: false }).threads,
      Buffer.from(blake3(data)).toString("hex"), Buffer.from(merkleRoot(leaves)).toString("hex"));`;
  const run = (threads: string): string[] =>
    execFileSync(process.execPath, ["--input-type=module", "-e", body], {
      env: { ...process.env, QUIPU_THREADS: threads },
      encoding: "utf8",
    })
      .trim()
      .split(" ");
  const [one, five] = [run("1"), run("5")];
  t.same([one[0], five[0]], ["1", "5"]);
  t.same(one.slice(1), five.slice(1));
});

t.test("without an addon that loads, the first call says what to do", async (t) => {
  const root = join(folder, "no-addon");
  mkdirSync(join(root, "build"), { recursive: true });
  writeFileSync(join(root, "package.json"), `{"type":"module"}`);
  for (const room of ["base", "compute/native"]) {
    cpSync(new URL(`../src/${room}`, import.meta.url), join(root, "src", room), {
      recursive: true,
    });
  }
  const copy = (await import(
    pathToFileURL(join(root, "src/compute/native/binding.js")).href
  )) as typeof import("../src/compute/native/binding.js");
  const refuses = (what: RegExp): void => {
    try {
      copy.binding();
      t.ok(false, "it loaded");
    } catch (thrown) {
      const { code, message, next } = thrown as QuipuError;
      t.equal(code, "ADDON_MISSING");
      t.match(message, what);
      t.match(next ?? "", /npm run setup/);
    }
  };
  refuses(/is not built/);
  writeFileSync(join(root, "build/quipu.node"), "not a program");
  refuses(/does not load/);
});

t.test("the process may exit with work in flight", async (t) => {
  const module = new URL("../src/compute/native/hashing.js", import.meta.url).href;
  const body = `import { blake3Async } from ${JSON.stringify(module)};
    for (let i = 0; i < 20; i += 1) blake3Async(new Uint8Array(4_000_000));
    setImmediate(() => process.exit(7));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", body], { stdio: "inherit" });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once("exit", (code, signal) => resolve([code, signal]));
  });
  t.same([code, signal], [7, null]);
});

t.test(
  "the service manager hears us, by path and by abstract name",
  {
    ...(existsSync("/usr/bin/perl") ? {} : { skip: "no perl here to receive a unix datagram" }),
  },
  async (t) => {
    t.equal(sdNotify("READY=1", undefined), false, "nobody asked");
    const receive = `use Socket; $| = 1; my $name = $ARGV[0]; $name =~ s/^@/\\0/;
    socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, pack_sockaddr_un($name)) or die $!;
    print "bound\\n"; recv($s, my $text, 4096, 0); print $text;`;
    for (const socket of [join(folder, "notify"), `@quipu-test-${process.pid}`]) {
      const child = spawn("/usr/bin/perl", ["-e", receive, socket]);
      let heard = "";
      const ended = new Promise((resolve) => child.once("close", resolve));
      await new Promise<void>((resolve) => {
        child.stdout.on("data", (chunk) => {
          heard += String(chunk);
          if (heard.startsWith("bound")) resolve();
        });
        child.once("close", () => resolve());
      });
      t.equal(sdNotify("READY=1\nSTATUS=up", socket), true);
      await ended;
      t.equal(heard, "bound\nREADY=1\nSTATUS=up", socket);
    }
    t.equal(await failure(() => sdNotify("x", join(folder, "nobody"))), "NOT_FOUND");
    t.equal(await failure(() => sdNotify("x", "relative")), "INVALID_ARGUMENT");
    t.equal(await failure(() => sdNotify("x", `/${"a".repeat(200)}`)), "INVALID_ARGUMENT");
  },
);

t.test("GPU readings are samples, or a reason in words", async (t) => {
  const nvml = openNvml();
  if (typeof nvml === "string") t.ok(nvml.length > 10, nvml);
  else t.ok(nvml.read().every(({ device, model }) => device.startsWith("cuda:") && model !== ""));
});

/** A management library of two devices, of which the first has fallen off the bus. */
const brokenNvml = `
int nvmlInit_v2(void) { return 0; }
const char* nvmlErrorString(int code) { return code == 15 ? "GPU is lost" : "?"; }
int nvmlSystemGetDriverVersion(char* text, unsigned size) { text[0] = '9'; text[1] = 0; return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) { *count = DEVICES; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void** device) { *device = 0; return i ? 0 : 15; }
int nvmlDeviceGetName(void* device, char* text, unsigned size) { text[0] = 'G'; text[1] = 0; return 0; }
int nvmlDeviceGetUUID(void* device, char* text, unsigned size) { return 3; }
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* m) { m[0] = 8; m[2] = 2; return 0; }
int nvmlDeviceGetUtilizationRates(void* device, unsigned* rates) { return 3; }
int nvmlDeviceGetTemperature(void* device, int sensor, unsigned* value) { *value = 40; return 0; }
int nvmlDeviceGetPowerUsage(void* device, unsigned* value) { return 3; }
`;

const compiler = { skip: spawnSync("cc", ["--version"]).status === 0 ? false : "no C compiler" };
t.test("a GPU that is lost hides no other", compiler, (t) => {
  const read = (devices: number): string => {
    const home = mkdtempSync(join(folder, "nvml-"));
    const source = join(home, "nvml.c");
    writeFileSync(source, brokenNvml);
    const library = join(home, "libnvidia-ml.so.1");
    execFileSync("cc", [`-DDEVICES=${devices}`, "-shared", "-fPIC", "-o", library, source]);
    const room = new URL("../src/compute/native/nvml.js", import.meta.url).href;
    const program = `import { openNvml } from "${room}";
      try { console.log(openNvml().read()); } catch (error) { console.log(error.message); }`;
    const env = { ...process.env, LD_LIBRARY_PATH: home };
    const flags = ["--input-type=module", "-e", program];
    return execFileSync(process.execPath, flags, { env, encoding: "utf8" });
  };
  const both = read(2);
  t.match(both, /device: 'cuda:0',\s+model: '',\s+utilization: NaN,\s+memoryUsedBytes: NaN/);
  t.match(both, /device: 'cuda:1',\s+model: 'G',\s+utilization: NaN,\s+memoryUsedBytes: 2/);
  t.match(both, /temperatureCelsius: 40,\s+powerWatts: NaN/);
  t.match(read(1), /nvmlDeviceGetHandleByIndex_v2: GPU is lost/);
  t.end();
});
