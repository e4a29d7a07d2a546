/** Digests of files and folders, with everything that can be wrong with them. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { sha256 as plainSha256, toHex } from "../src/base/bytes.js";
import { QuipuError } from "../src/base/errors.js";
import { binding } from "../src/compute/native/binding.js";
import { hashFiles, listFolder } from "../src/compute/native/folder-files.js";
import { hashTree, treeStamp } from "../src/compute/native/hash-tree.js";
import {
  type HashAlgorithm,
  Hasher,
  type HashFileOptions,
  hashAsync,
  hashFile,
} from "../src/compute/native/hashing.js";
import { hashUnsized } from "../src/compute/native/unsized-file.js";
import { manifestLeaf } from "../src/model/manifest.js";
import { failure, failureInTime } from "./failure.js";
import { patternBytes, referenceRoot } from "./hash-reference.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const mib = 1024 * 1024;
const openFiles = (): number => readdirSync("/proc/self/fd").length;
const code = async (promise: Promise<unknown>) => (await failure(promise)).code;

t.test("files: any digests from one read", async (t) => {
  // Around the size that one thread takes alone, and around blocks and tasks.
  const sizes = [0, 1, 65_536, 256 * 1024, 256 * 1024 + 1, mib - 1, mib, mib + 1, 5_000_000];
  for (const size of sizes) {
    const bytes = patternBytes(size);
    const path = join(folder, `file-${size}`);
    writeFileSync(path, bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const blake3 = toHex(await hashAsync(bytes, { backend: "portable" }));
    const both = await hashFile(path);
    t.match(both, { sha256, blake3, sizeBytes: size, facts: { sizeBytes: size } });
    const one = await hashFile(path, { algorithms: ["blake3"] });
    const { facts } = both;
    t.same(one, { facts, sizeBytes: size, blake3 }, "BLAKE3 alone, by all threads");
    const other = await hashFile(path, { algorithms: ["sha256"] });
    t.same(other, { facts, sizeBytes: size, sha256 });
    const key = bytes.subarray(0, 0);
    t.equal(await code(hashFile(path, { key })), "INVALID_ARGUMENT");
    const long = await hashFile(path, { algorithms: ["blake3"], context: "test", length: 99 });
    const want = toHex(await hashAsync(bytes, { context: "test", length: 99 }));
    t.equal(long.blake3, want, "extended output of a derived key");
    rmSync(path);
  }
});

t.test("files that are none, or not ours to read", async (t) => {
  const before = openFiles();
  t.equal(await code(hashFile(join(folder, "absent"))), "NOT_FOUND");
  t.equal(await code(hashFile(folder)), "DATA_INVALID");
  t.equal(await code(hashFile("/dev/null")), "DATA_INVALID");
  t.equal(await code(hashFile("a\0b")), "INVALID_ARGUMENT");
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  t.equal(await code(hashFile(pipe)), "DATA_INVALID", "and nobody waits for a writer");
  rmSync(pipe);
  const link = join(folder, "link");
  writeFileSync(join(folder, "target"), "x");
  symlinkSync("target", link);
  t.equal(
    (await hashFile(link)).sha256,
    toHex(plainSha256(Buffer.from("x"))),
    "named links lead on",
  );
  symlinkSync("loop", join(folder, "loop"));
  t.equal(await code(hashFile(join(folder, "loop"))), "DATA_INVALID");
  const raw = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff])]);
  writeFileSync(raw, "y");
  t.equal((await hashFile(raw)).facts.sizeBytes, 1, "a name that is not UTF-8, as bytes");
  t.match((await failure(hashFile(join(folder, "gone/x")))).message, /gone\/x: No such file/);
  t.equal(openFiles(), before, "no file is left open");
  for (const name of [link, join(folder, "loop"), join(folder, "target"), raw]) rmSync(name);
});

const noProc = existsSync("/proc/version") ? {} : { skip: "no /proc" };
t.test("files whose size is not what they hold", noProc, async (t) => {
  const before = openFiles();
  const held = readFileSync("/proc/version");
  const [sha256, blake3] = [toHex(plainSha256(held)), toHex(await hashAsync(held))];
  const told: number[] = [];
  const onProgress = (done: number, total: number) => told.push(done, total);
  t.match(await hashFile("/proc/version", { onProgress }), { sha256, blake3 });
  t.same(told.slice(-2), [0, 0], "nobody knows how much there is");
  const long = { algorithms: ["blake3"], key: new Uint8Array(32), length: 40 } as const;
  const want = toHex(await hashAsync(held, { key: long.key, length: 40 }));
  const keyed = await hashFile("/proc/version", long);
  const facts = { ...keyed.facts, sizeBytes: 0 };
  t.same(keyed, { facts, sizeBytes: held.length, blake3: want });

  const page = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (existsSync(page)) {
    const there = readFileSync(page);
    const hashed = await hashFile(page);
    t.match(hashed, { sizeBytes: there.length, sha256: toHex(plainSha256(there)) });
    t.ok(hashed.facts.sizeBytes > there.length, "a page");
  }

  // What may lie there by the time that a read has said that the file changed.
  const hasher = new Hasher();
  const changed = new QuipuError("DATA_CHANGED", "it changed");
  const [path, control] = [join(folder, "swapped"), new BigInt64Array(2)];
  const again = (): Promise<unknown> =>
    hashUnsized(path, { blake3: hasher, sha256: undefined }, control, changed);
  t.equal(await failure(again()), changed, "nothing");
  execFileSync("mkfifo", [path]);
  t.equal(await failure(again()), changed, "a pipe, and nobody waits for its writer");
  rmSync(path);
  writeFileSync(path, "");
  t.equal(await failure(again()), changed, "a file that has been emptied");
  appendFileSync(path, "x");
  t.equal(await failure(again()), changed, "a file that is no longer empty");
  rmSync(path);
  const stopped = hashUnsized(
    "/proc/version",
    { blake3: hasher, sha256: undefined },
    BigInt64Array.of(1n, 0n),
    changed,
  );
  t.equal(await code(stopped), "CANCELLED");
  t.equal(openFiles(), before, "no file is left open");
});

t.test("what goes with a file and what does not", async (t) => {
  const path = join(folder, "options");
  writeFileSync(path, "x");
  const key = new Uint8Array(32);
  for (const options of [
    { algorithms: [] },
    { algorithms: "blake3" },
    { algorithms: ["md5"] },
    { algorithms: ["sha256", undefined] },
    { algorithms: ["sha256"], key },
    { algorithms: ["sha256"], context: "none" },
    { algorithms: ["sha256"], length: 64 },
    { key, context: "both" },
    { key: key.subarray(1) },
    { key: "text, which would be a context" },
    { context: 5 },
    { length: 0 },
    { length: 1.5 },
    { length: 2 ** 20 + 1 },
  ]) {
    const refused = await failure(hashFile(path, options as HashFileOptions<HashAlgorithm>));
    t.equal(refused.code, "INVALID_ARGUMENT", JSON.stringify(options));
  }
  const unusual = await hashFile(path, { algorithms: ["sha256"], length: 32 });
  t.equal(unusual.sha256, toHex(plainSha256(Buffer.from("x"))));

  // Memory that its owner writes to once the call has returned.
  const [ownKey, ownPath] = [new Uint8Array(32).fill(7), Buffer.from(path)];
  const want = await hashFile(path, { key: ownKey, algorithms: ["blake3"] });
  for (const onProgress of [undefined, () => undefined]) {
    const running = hashFile(ownPath, {
      key: ownKey,
      algorithms: ["blake3"],
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    ownKey.fill(0);
    ownPath.fill(0x2f);
    t.same(await running, want, "was read before");
    ownKey.fill(7);
    ownPath.write(path);
  }
  rmSync(path);
});

const huge = {
  skip: spawnSync("sh", ["-c", "test -d /dev/shm"]).status === 0 ? false : "no tmpfs",
};
t.test("a size that JavaScript cannot count", huge, async (t) => {
  const path = `/dev/shm/quipu-${process.pid}`;
  t.teardown(() => rmSync(path, { force: true }));
  writeFileSync(path, "");
  execFileSync("truncate", ["-s", "9007199254740992", path]);
  const refused = await failure(hashFile(path));
  t.equal(refused.code, "LIMIT_EXCEEDED");
  t.match(refused.message, /9007199254740992 bytes/);
});

for (const algorithms of [["blake3"], ["sha256"]] as const) {
  t.test(`a file that changes while it is read, ${algorithms}`, async (t) => {
    const path = join(folder, "sparse");
    const whileHashing = async (change: () => void): Promise<string> => {
      const disturbed = await failureInTime(async () => {
        writeFileSync(path, "");
        truncateSync(path, 256 * mib);
        const control = new BigInt64Array(2);
        const bits = algorithms[0] === "sha256" ? 1 : 2;
        const running = binding().hashFile(path, bits, undefined, 32, undefined, control);
        while (Atomics.load(control, 1) === 0n) await nextTurn(); // it has begun
        change();
        return running;
      });
      return disturbed.code;
    };
    t.equal(await whileHashing(() => appendFileSync(path, "x")), "DATA_CHANGED", "it grows");
    t.equal(await whileHashing(() => truncateSync(path, 4096)), "DATA_CHANGED", "it is cut short");
    const rewrite = (): void => utimesSync(path, 1, 1);
    t.equal(await whileHashing(rewrite), "DATA_CHANGED", "its times are set");
    const before = openFiles();
    const aborted = await failureInTime(() => {
      const stop = new AbortController();
      const running = hashFile(path, { algorithms, signal: stop.signal });
      stop.abort();
      return running;
    });
    t.equal(aborted.code, "CANCELLED");
    t.equal(await code(hashFile(path, { signal: AbortSignal.abort() })), "CANCELLED");
    t.equal(openFiles(), before, "no file is left open");
    rmSync(path);
  });
}

t.test("progress of a file is told in bytes", async (t) => {
  const path = join(folder, "progress");
  writeFileSync(path, patternBytes(3 * mib));
  const told: number[] = [];
  await hashFile(path, { onProgress: (done, total) => told.push(done, total) });
  t.same(told.slice(-2), [3 * mib, 3 * mib]);
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
  const { manifest, stamp } = await hashTree(data, {
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
  t.same((await hashTree(data, { backend: "portable" })).manifest, manifest, "on another backend");
  t.equal(await treeStamp(data), stamp);
  utimesSync(join(data, "b.csv"), 1, 1);
  t.not(await treeStamp(data), stamp, "any write changes the stamp");

  const empty = join(folder, "empty");
  mkdirSync(empty);
  const nothing = (await hashTree(empty)).manifest;
  t.same(nothing.entries, []);
  t.equal(nothing.merkleRoot, toHex(plainSha256()));
  t.equal(await code(hashTree(join(folder, "absent"))), "NOT_FOUND");
  t.equal(await code(hashTree(data, { signal: AbortSignal.abort() })), "CANCELLED");
});

t.test("folders: a change while they are read", async (t) => {
  const data = join(folder, "moving");
  mkdirSync(data);
  for (const name of ["a.csv", "b.csv"]) writeFileSync(join(data, name), `${name}\n`);
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
    t.equal(await code(hashTree(data, { onProgress })), "DATA_CHANGED", `a file ${what}`);
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
    const error = await failure(hashTree(data));
    rmSync(path);
    return error;
  };
  const link = await refused("link", (path) => symlinkSync("good.csv", path));
  t.equal(link.code, "DATA_INVALID");
  t.match(link.message, /odd\/link is a symbolic link/);
  const pipe = await refused("pipe", (path) => execFileSync("mkfifo", [path.toString()]));
  t.equal(pipe.code, "DATA_INVALID");
  t.match(pipe.message, /odd\/pipe is a pipe/);
  const name = await refused(Buffer.from([0x66, 0xff, 0x6f]), (path) => writeFileSync(path, ""));
  t.equal(name.code, "DATA_INVALID");
  t.match(name.message, /not UTF-8/);
  t.equal((await hashTree(data)).manifest.entries.length, 1, "and without them it is fine");
  mkdirSync(join(data, ...Array.from({ length: 70 }, () => "d")), { recursive: true });
  t.equal(await code(hashTree(data)), "LIMIT_EXCEEDED", "nested too deep");
});

t.test("a listing tells everything, and nothing outside the folder is opened", async (t) => {
  const data = join(folder, "listed");
  mkdirSync(join(data, "sub"), { recursive: true });
  writeFileSync(join(data, "sub", "file"), "inside");
  writeFileSync(Buffer.concat([Buffer.from(`${data}/`), Buffer.from([0xff])]), "raw");
  symlinkSync("/etc", join(data, "out"));
  const { files, refused } = await listFolder(data);
  t.same(
    files.map(({ path }) => path),
    ["sub/file", "\ufffd"],
  );
  t.same(files[1]?.rawPath, Buffer.from([0xff]));
  t.same(
    refused.map(({ path, error }) => [path, error.code]),
    [["out", "DATA_INVALID"]],
  );
  const results = await hashFiles(data, files);
  t.equal(results.length, 2);
  t.match(results[1], { facts: { sizeBytes: 3 } }, "a name that is not UTF-8 is read all the same");

  // Between the listing and the read, a link takes the place of the folder.
  renameSync(join(data, "sub"), join(data, "was"));
  mkdirSync(join(folder, "elsewhere"));
  writeFileSync(join(folder, "elsewhere", "file"), "secret");
  symlinkSync(join(folder, "elsewhere"), join(data, "sub"));
  const [swapped] = await hashFiles(data, files.slice(0, 1));
  t.match(swapped, { code: "DATA_INVALID" });
  const facts = files[0]?.facts;
  if (facts === undefined) throw new Error("no file was listed");
  for (const path of ["../elsewhere/file", "/etc/hostname", "was/../was/file", "was//file", "."]) {
    const [outside] = await hashFiles(data, [{ path, facts }]);
    t.match(outside, { code: "INVALID_ARGUMENT" }, path);
  }
  const [gone, inside] = await hashFiles(data, [
    { path: "absent", facts },
    { path: "was/file", facts },
  ]);
  t.match(gone, { code: "NOT_FOUND" });
  t.match(inside, { facts: { sizeBytes: 6 } }, "one that fails leaves the others be");
});
