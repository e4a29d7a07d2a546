import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import { fetchArtifact } from "../src/io/artifact/fetch.js";
import { putArtifact } from "../src/io/artifact/put.js";
import { openArtifactStore } from "../src/io/artifact/store.js";
import {
  answerRange,
  bytesOf,
  filesOf,
  flaky,
  hex,
  newFolder,
  newStore,
  rangeStart,
  readAll,
  root,
} from "./artifact-world.js";
import { failure } from "./failure.js";

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
