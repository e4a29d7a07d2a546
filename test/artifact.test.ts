/** Artifacts: bytes kept under their digest or not at all, moved with resume, checked on the way. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t from "tap";
import { type Digest, digestOf } from "../src/base/bytes.js";
import { seededRandom } from "../src/base/random.js";
import { fetchArtifact } from "../src/io/artifact/fetch.js";
import { putArtifact } from "../src/io/artifact/put.js";
import { artifactLimits } from "../src/io/artifact/size-limit.js";
import {
  type ArtifactStore,
  type ArtifactStoreOptions,
  openArtifactStore,
} from "../src/io/artifact/store.js";
import { failure } from "./failure.js";

const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function newFolder(): string {
  folders += 1;
  return join(root, `store-${folders}`);
}

async function newStore(options?: ArtifactStoreOptions): Promise<ArtifactStore> {
  return await openArtifactStore(newFolder(), options);
}

const bytesOf = (count: number, seed = 7): Uint8Array => seededRandom(seed).bytes(count);

async function* chunks(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(store: ArtifactStore, digest: Digest, start?: number, end?: number) {
  const range = {
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  };
  const { stream } = await store.open(digest, range);
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

/** Text compares fast where typed arrays are walked through. */
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Everything below a store's folder that is a file. */
function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

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
  t.equal(readdirSync(join(folder, "temporary")).length, 1, "it died in mid-write");
  const old = join(folder, "partial", "0".repeat(64));
  const fresh = join(folder, "partial", "1".repeat(64));
  writeFileSync(old, "old");
  writeFileSync(fresh, "fresh");
  const past = (Date.now() - artifactLimits.partialAgeMsMax) / 1000 - 60;
  utimesSync(old, past, past);
  const again = await openArtifactStore(folder);
  t.equal(readdirSync(join(folder, "temporary")).length, 0);
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
  t.same(readdirSync(join(folder, "temporary")), [], "a put that failed left nothing");
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

/** A server that answers as the test says; counts what it was asked. */
async function flaky(
  test: { teardown(end: () => void): void },
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, requests.length);
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  test.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/blob`, requests };
}

const rangeStart = (request: IncomingMessage): number =>
  Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);

function answerRange(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
  const start = rangeStart(request);
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  const headers = { "content-length": bytes.length - start };
  if (start === 0) response.writeHead(200, headers);
  else response.writeHead(206, { ...headers, "content-range": range });
}

t.test("a transfer cut half-way goes on from there, also in a new process", async (t) => {
  const bytes = bytesOf(600_000);
  const digest = digestOf(bytes);
  const half = 300_000;
  const folder = newFolder();
  let cutting = true;
  const server = await flaky(t, (request, response) => {
    answerRange(request, response, bytes);
    const start = rangeStart(request);
    if (!cutting) return response.end(bytes.subarray(start));
    response.write(bytes.subarray(start, Math.max(start, half)), () => response.destroy());
  });
  const store = await openArtifactStore(folder);
  const progress: number[] = [];
  const cut = await failure(
    fetchArtifact({
      url: server.url,
      token: "grant",
      digest,
      store,
      attemptsMax: 2,
      onProgress: ({ receivedBytes }) => progress.push(receivedBytes),
    }),
  );
  t.equal(cut.code, "UNAVAILABLE");
  t.equal(server.requests.length, 2, "the first with progress, the second without");
  t.equal(server.requests[0]?.headers.authorization, "Bearer grant");
  t.equal(progress.at(-1), half);
  t.equal(readFileSync(join(folder, "partial", digest.slice(7))).length, half);
  cutting = false;
  const asked = server.requests.length;
  const facts = await fetchArtifact({
    url: server.url,
    digest,
    store: await openArtifactStore(folder),
  });
  t.same(facts, { digest, sizeBytes: bytes.length });
  t.equal(server.requests[asked]?.headers.range, `bytes=${half}-`);
  t.equal(server.requests.length, asked + 1);
  t.same(filesOf(join(folder, "partial")), []);
  await fetchArtifact({ url: server.url, digest, store });
  t.equal(server.requests.length, asked + 1, "what is here is not fetched");

  // A crash may leave a part that is not what was received; and a server may not know ranges.
  for (const [name, torn] of [
    ["other bytes", bytesOf(half, 99)],
    ["all of it", bytes],
    ["more than all of it", bytesOf(700_000, 99)],
  ] as const) {
    const again = newFolder();
    const target = await openArtifactStore(again);
    writeFileSync(join(again, "partial", digest.slice(7)), torn);
    const ranged = await flaky(t, (request, response) => {
      if (rangeStart(request) >= bytes.length) {
        response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      } else {
        answerRange(request, response, bytes);
        response.end(bytes.subarray(rangeStart(request)));
      }
    });
    await fetchArtifact({ url: ranged.url, digest, store: target });
    t.equal(hex(await readAll(target, digest)), hex(bytes), name);
  }
  const unranged = await flaky(t, (_, response) => response.end(bytes));
  const target = newFolder();
  const plain = await openArtifactStore(target);
  writeFileSync(join(target, "partial", digest.slice(7)), bytes.subarray(0, 1_000));
  await fetchArtifact({ url: unranged.url, digest, store: plain });
  t.equal(hex(await readAll(plain, digest)), hex(bytes), "a server without ranges");
});

t.test("wrong bytes are never kept, whoever sends them", async (t) => {
  const bytes = bytesOf(100_000);
  const digest = digestOf(bytes);
  const flipped = bytes.slice();
  flipped[50_000] = (flipped[50_000] ?? 0) ^ 1;
  const folder = newFolder();
  const store = await openArtifactStore(folder);
  const lying = await flaky(t, (_, response) => response.end(flipped));
  const error = await failure(fetchArtifact({ url: lying.url, digest, store }));
  t.equal(error.code, "DIGEST_MISMATCH");
  t.equal(lying.requests.length, 1, "asked once");
  t.same(filesOf(folder), []);

  const endless = await flaky(t, (_, response) => {
    const more = (): void => {
      while (response.write(bytes));
      response.once("drain", more);
    };
    more();
  });
  const large = await failure(
    fetchArtifact({ url: endless.url, digest, store, sizeBytesMax: 1_000_000 }),
  );
  t.equal(large.code, "LIMIT_EXCEEDED");
  t.same(filesOf(folder), []);

  const refusing = await flaky(t, (_, response) => {
    response
      .writeHead(403)
      .end(
        JSON.stringify({ error: { code: "REFUSED_BY_POLICY", message: "not to DE", next: "ask" } }),
      );
  });
  const refused = await failure(fetchArtifact({ url: refusing.url, digest, store }));
  t.equal(refused.code, "REFUSED_BY_POLICY");
  t.equal(refused.next, "ask");
  t.equal(refusing.requests.length, 1, "a refusal is not tried again");

  const moved = await flaky(t, (_, response) => {
    response.writeHead(302, { location: lying.url }).end();
  });
  const led = await failure(fetchArtifact({ url: moved.url, token: "grant", digest, store }));
  t.match(led.message, /302/);
  t.equal(moved.requests.length, 1);
  t.equal(lying.requests.length, 1, "a grant is not carried to another address");

  const page = await flaky(t, (_, response) => response.writeHead(404).end("<html>no</html>"));
  t.equal((await failure(fetchArtifact({ url: page.url, digest, store }))).code, "NOT_FOUND");

  for (const url of ["http://192.0.2.1/x", "http://example.org/x", "http://[2001:db8::1]:80/x"]) {
    t.equal((await failure(fetchArtifact({ url, digest, store }))).code, "INSECURE_ENDPOINT", url);
    t.equal((await failure(putArtifact({ url, digest, bytes }))).code, "INSECURE_ENDPOINT", url);
  }
  const file = await failure(fetchArtifact({ url: "file:///etc/passwd", digest, store }));
  t.equal(file.code, "INVALID_ARGUMENT");
});

t.test("an upload that nobody takes closes its file", async (t) => {
  const path = join(root, "unsent");
  writeFileSync(path, bytesOf(300_000, 3));
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve)); // a port at which nothing listens
  const digest = digestOf(bytesOf(300_000, 3));
  const url = `http://127.0.0.1:${port}/v1/artifacts/${digest}`;
  const put = putArtifact({ url, digest, path, attemptsMax: 2 });
  t.equal((await failure(put)).code, "UNAVAILABLE");
  const open = readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      return false; // it was the listing itself
    }
  });
  t.same(open, []);
});

t.test("stalls end, cancels end, and two fetches of one blob are one", async (t) => {
  const bytes = bytesOf(200_000);
  const digest = digestOf(bytes);
  const store = await newStore();
  const stalling = await flaky(t, (request, response, count) => {
    answerRange(request, response, bytes);
    if (count > 1) return response.end(bytes.subarray(rangeStart(request)));
    response.write(bytes.subarray(0, 120_000));
  });
  await fetchArtifact({ url: stalling.url, digest, store, stallMs: 100 });
  t.equal(hex(await readAll(store, digest)), hex(bytes));
  t.equal(stalling.requests.length, 2, "an attempt that stalled is given up");
  t.match(stalling.requests[1]?.headers.range, /^bytes=[1-9]/);

  const held: ServerResponse[] = [];
  const slow = await flaky(t, (request, response) => {
    answerRange(request, response, bytes);
    response.write(bytes.subarray(rangeStart(request), 150_000));
    held.push(response);
  });
  const target = await newStore();
  const stop = new AbortController();
  const arrived = new Promise<void>((resolve) => {
    void failure(
      fetchArtifact({
        url: slow.url,
        digest,
        store: target,
        signal: stop.signal,
        onProgress: ({ receivedBytes }) => receivedBytes === 150_000 && resolve(),
      }),
    ).then((error) => t.equal(error.code, "CANCELLED"));
  });
  await arrived;
  const second = fetchArtifact({ url: slow.url, digest, store: target });
  stop.abort();
  while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  const third = fetchArtifact({ url: slow.url, digest, store: target });
  held[1]?.end(bytes.subarray(150_000));
  t.equal((await second).digest, digest, "the second goes on where the first was cancelled");
  t.equal((await third).digest, digest);
  t.equal(slow.requests.length, 2, "the third waited for the second");
});
