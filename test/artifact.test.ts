/** Artifacts at rest: bytes kept under their digest or not at all. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t from "tap";
import { type Digest, digestOf } from "../src/base/bytes.js";
import { fetchArtifact } from "../src/io/artifact/fetch.js";
import { artifactLimits } from "../src/io/artifact/size-limit.js";
import { openArtifactStore } from "../src/io/artifact/store.js";
import {
  bytesOf,
  chunks,
  filesOf,
  flaky,
  hex,
  newFolder,
  newStore,
  readAll,
  root,
} from "./artifact-world.js";
import { failure } from "./failure.js";

t.test("a blob is kept whole under its digest, or not at all", async (t) => {
  const folder = newFolder();
  const store = await openArtifactStore(folder, { storeBytesMax: 100_000 });
  const bytes = bytesOf(10_000);
  const digest = digestOf(bytes);
  const facts = await store.put(chunks(bytes), { expected: digest });
  t.same(facts, { digest, sizeBytes: 10_000 });
  t.equal(hex(await readAll(store, digest)), hex(bytes));
  t.equal(statSync(store.pathOf(digest)).mode & 0o222, 0, "nobody writes to it");
  t.equal(hex(await readAll(store, digest, 0, 0)), hex(new Uint8Array()));
  t.equal(hex(await readAll(store, digest, 9_999)), hex(bytes.slice(9_999)));
  t.equal(hex(await readAll(store, digest, 10_000)), hex(new Uint8Array()));
  t.equal(hex(await readAll(store, digest, 17, 4_242)), hex(bytes.slice(17, 4_242)));
  for (const [start, end] of [
    [-1, 5],
    [6, 5],
    [0, 10_001],
    [10_001, 10_001],
    [0.5, 2],
  ] as const) {
    const error = await failure(store.open(digest, { start, end }));
    t.equal(error.code, "INVALID_ARGUMENT", `bytes ${start} to ${end}`);
  }

  const empty = await store.put(chunks(new Uint8Array()));
  t.equal(empty.digest, digestOf(new Uint8Array()), "no bytes are a blob too");
  t.equal(hex(await readAll(store, empty.digest)), hex(new Uint8Array()));

  const wrong = await failure(store.put(chunks(bytesOf(500, 8)), { expected: digest }));
  t.equal(wrong.code, "DIGEST_MISMATCH");
  t.equal(wrong.details.expected, digest);
  const large = await failure(store.put(chunks(bytesOf(5_000, 8)), { sizeBytesMax: 4_999 }));
  t.equal(large.code, "LIMIT_EXCEEDED");
  const full = await failure(store.put(chunks(bytesOf(95_000, 8))));
  t.equal(full.code, "LIMIT_EXCEEDED", "the store's own limit");
  async function* diskFull() {
    yield bytes;
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  }
  const noSpace = await failure(store.put(diskFull()));
  t.equal(noSpace.code, "DISK_FULL");
  t.ok(noSpace.next);
  const stop = new AbortController();
  async function* silent() {
    yield bytes;
    stop.abort();
    await new Promise(() => {});
  }
  const cancelled = await failure(store.put(silent(), { signal: stop.signal }));
  t.equal(cancelled.code, "CANCELLED", "even while the source is silent");
  t.equal(filesOf(folder).length, 2, "failed puts left nothing");
  t.equal(store.storedBytes, 10_000);

  const same = await Promise.all(Array.from({ length: 8 }, () => store.put(chunks(bytes, 333))));
  t.same(new Set(same.map((one) => one.digest)), new Set([digest]), "eight at once, one blob");
  t.equal(store.storedBytes, 10_000, "counted once");
  const listed: string[] = [];
  for await (const one of store.list()) listed.push(`${one.digest} ${one.sizeBytes}`);
  t.same(listed, [`${digest} 10000`, `${empty.digest} 0`].sort());

  t.equal(await store.remove(digest), true);
  t.equal(await store.remove(digest), false);
  t.equal(await store.stat(digest), undefined);
  t.equal((await failure(store.open(digest))).code, "NOT_FOUND");
  t.equal(store.storedBytes, 0);
});

t.test("names lead nowhere else, and links are not followed", async (t) => {
  const folder = newFolder();
  const store = await openArtifactStore(folder);
  const secret = join(root, "secret");
  writeFileSync(secret, "secret");
  for (const name of ["sha256:../../secret", "sha256:", `sha256:${"A".repeat(64)}`, "../secret"]) {
    t.throws(() => store.pathOf(name as Digest), { code: "INVALID_ARGUMENT" }, name);
  }
  const digest = digestOf(new TextEncoder().encode("other"));
  mkdirSync(dirname(store.pathOf(digest)), { recursive: true });
  symlinkSync(secret, store.pathOf(digest));
  t.ok(await failure(store.open(digest)), "a link in the place of a blob is not opened");
  t.equal(readFileSync(secret, "utf8"), "secret");
  const link = join(root, "link");
  symlinkSync(secret, link);
  t.ok(await failure(store.adopt(link)), "nor is one adopted");
  t.ok(await failure(store.adopt(root)), "nor a folder");
  t.equal((await failure(store.adopt(join(root, "absent")))).code, "NOT_FOUND");
});

t.test("adopting moves a finished file in, under the digest that it has", async (t) => {
  const store = await newStore();
  const bytes = bytesOf(70_000);
  const path = join(root, "output.npy");
  writeFileSync(path, bytes);
  const wrong = await failure(store.adopt(path, { expected: digestOf(new Uint8Array()) }));
  t.equal(wrong.code, "DIGEST_MISMATCH");
  t.equal(existsSync(path), true, "a file that is not what was said stays where it is");
  const facts = await store.adopt(path, { expected: digestOf(bytes) });
  t.equal(facts.sizeBytes, 70_000);
  t.equal(existsSync(path), false);
  t.equal(hex(await readAll(store, facts.digest)), hex(bytes));
  writeFileSync(path, bytes);
  await store.adopt(path);
  t.equal(store.storedBytes, 70_000, "twice is once");

  const shared = "/dev/shm";
  if (existsSync(shared) && statSync(shared).dev !== statSync(root).dev) {
    const elsewhere = mkdtempSync(join(shared, "quipu-"));
    t.teardown(() => rmSync(elsewhere, { recursive: true, force: true }));
    const far = join(elsewhere, "output.npy");
    const other = bytesOf(1_000, 9);
    writeFileSync(far, other);
    const moved = await store.adopt(far);
    t.equal(hex(await readAll(store, moved.digest)), hex(other), "from another disk");
    t.equal(existsSync(far), false);
  }
});

t.test("a crash leaves nothing but what an open sweeps away or takes up again", async (t) => {
  const folder = newFolder();
  const first = await openArtifactStore(folder);
  const bytes = bytesOf(4_000);
  const { digest } = await first.put(chunks(bytes));
  const script = `
    import { openArtifactStore } from ${JSON.stringify(new URL("../src/io/artifact/store.js", import.meta.url).href)};
    const store = await openArtifactStore(${JSON.stringify(folder)});
    await store.put((async function* () {
      yield new Uint8Array(1000);
      process.kill(process.pid, "SIGKILL");
      await new Promise(() => {});
    })());`;
  const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
  t.equal(signal, "SIGKILL");
  t.equal(filesOf(join(folder, "temporary")).length, 1, "it died in mid-write");
  const old = join(folder, "partial", "0".repeat(64));
  const fresh = join(folder, "partial", "1".repeat(64));
  writeFileSync(old, "old");
  writeFileSync(fresh, "fresh");
  const past = (Date.now() - artifactLimits.partialAgeMsMax) / 1000 - 60;
  utimesSync(old, past, past);
  const again = await openArtifactStore(folder);
  t.equal(filesOf(join(folder, "temporary")).length, 0);
  t.equal(existsSync(old), false, "a download that nobody resumed");
  t.equal(existsSync(fresh), true);
  t.equal(again.storedBytes, 4_000);
  t.equal(hex(await readAll(again, digest)), hex(bytes));
});

const mounted = (() => {
  const folder = join(root, "small");
  mkdirSync(folder);
  const result = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "quipu-test", folder]);
  return result.status === 0 ? folder : undefined;
})();
const diskTest = mounted === undefined ? { skip: "may not mount a small disk here" } : {};
t.test("what was sealed and not named is taken up by a user like any other", async (t) => {
  // Root may write to everything, so it would see no difference.
  if (process.getuid?.() === 0) {
    process.seteuid?.(65_534);
    t.teardown(() => process.seteuid?.(0));
  }
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openArtifactStore(folder);
  const bytes = bytesOf(5_000, 31);
  const digest = digestOf(bytes);
  writeFileSync(join(folder, "partial", digest.slice("sha256:".length)), bytes, { mode: 0o440 });
  const facts = await store.download(digest, {}, async ({ sizeBytes }) => {
    t.equal(sizeBytes, 5_000, "nothing is fetched twice");
  });
  t.equal(facts.digest, digest);

  const other = bytesOf(5_000, 32);
  const shelf = dirname(store.pathOf(digestOf(other)));
  writeFileSync(shelf, "in its way");
  await failure(store.put(chunks(other)));
  t.same(filesOf(join(folder, "temporary")), [], "a put that failed left nothing");
});

t.test("a disk that is really full", diskTest, async (t) => {
  const folder = mounted ?? "";
  t.teardown(() => spawnSync("umount", [folder]));
  const store = await openArtifactStore(join(folder, "artifacts"));
  const kept = await store.put(chunks(bytesOf(1_000)));
  const full = await failure(store.put(chunks(bytesOf(1_000_000), 16_384)));
  t.equal(full.code, "DISK_FULL");
  t.equal(filesOf(folder).length, 1, "the unfinished blob is gone");
  t.equal(hex(await readAll(store, kept.digest)), hex(bytesOf(1_000)));
  const after = await store.put(chunks(bytesOf(50_000)));
  t.equal(after.sizeBytes, 50_000, "and its room is free again");

  const bytes = bytesOf(1_000_000);
  const server = await flaky(t, (_, response) => response.end(bytes));
  const fetched = await failure(fetchArtifact({ url: server.url, digest: digestOf(bytes), store }));
  t.equal(fetched.code, "DISK_FULL");
  t.equal(server.requests.length, 1, "a full disk is not tried again over the network");
  t.equal(filesOf(folder).length, 2);
});
