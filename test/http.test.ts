/** The HTTP room: artifacts with a grant, log tiles with their caching, and errors without secrets. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t from "tap";
import { type Digest, digestOf } from "../src/base/bytes.js";
import { QuipuError } from "../src/base/errors.js";
import { seededRandom } from "../src/base/random.js";
import { fetchArtifact } from "../src/io/artifact/fetch.js";
import { putArtifact } from "../src/io/artifact/put.js";
import { type ArtifactStore, openArtifactStore } from "../src/io/artifact/store.js";
import { type ArtifactRequest, artifactRoutes } from "../src/io/http/artifact-routes.js";
import { spanOf } from "../src/io/http/byte-range.js";
import { healthRoutes } from "../src/io/http/health-routes.js";
import { logRoutes } from "../src/io/http/log-routes.js";
import { metricsRoutes } from "../src/io/http/metrics-routes.js";
import { type HttpRoutes, startHttp } from "../src/io/http/server.js";
import { failure } from "./failure.js";

const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

let stores = 0;
async function newStore(): Promise<ArtifactStore> {
  stores += 1;
  return await openArtifactStore(join(root, `store-${stores}`));
}

const bytesOf = (count: number, seed = 7): Uint8Array => seededRandom(seed).bytes(count);

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

async function readAll(store: ArtifactStore, digest: Digest): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of (await store.open(digest)).stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

/** Text compares fast where typed arrays are walked through. */
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A started HTTP server, ended with the test. */
async function http(
  test: { teardown(end: () => Promise<void>): void },
  routes: readonly HttpRoutes[],
  onFault: (fault: { id: string; error: unknown }) => void = () => {},
): Promise<string> {
  const server = await startHttp({ listen: "127.0.0.1:0", routes, onFault });
  test.teardown(() => server.close(0));
  return server.url;
}

/** A request whose path is sent as written; fetch would tidy it up. */
function rawGet(url: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const asked = request({ hostname, port, path, agent: false }, (response) => {
      let body = "";
      response.on("data", (part) => {
        body += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on("error", reject).end();
  });
}

async function errorCode(response: Response): Promise<string | undefined> {
  const { error } = (await response.json()) as { error?: { code?: string; stack?: string } };
  if (error?.stack !== undefined) throw new Error("a stack left the house");
  return error?.code;
}

t.test("artifacts are put and got with a grant, and each request is asked about", async (t) => {
  const store = await newStore();
  const asked: ArtifactRequest[] = [];
  const authorize = async (wanted: ArtifactRequest) => {
    asked.push(wanted);
    if (wanted.token !== `may-${wanted.action}`) {
      throw new QuipuError("PERMISSION_DENIED", "this grant is not for that");
    }
    return { sizeBytesMax: 50_000 };
  };
  const base = await http(t, [artifactRoutes({ store, authorize, sizeBytesMax: 1_000_000 })]);
  const bytes = bytesOf(40_000);
  const digest = digestOf(bytes);
  const url = `${base}/v1/artifacts/${digest}`;
  const path = join(root, "upload.bin");
  writeFileSync(path, bytes);

  const denied = await failure(putArtifact({ url, digest, bytes, token: "may-get" }));
  t.equal(denied.code, "PERMISSION_DENIED");
  t.equal((await failure(putArtifact({ url, digest, path }))).code, "PERMISSION_DENIED");
  t.equal(asked.at(-1)?.token, undefined);
  t.equal(await store.stat(digest), undefined);
  await putArtifact({ url, digest, path, token: "may-put" });
  t.equal(hex(await readAll(store, digest)), hex(bytes));
  await putArtifact({ url, digest, bytes, token: "may-put" });
  t.equal(store.storedBytes, 40_000, "again is no work and no error");
  const headers = { authorization: "Bearer may-put" };
  const put = async (target: string, body: Uint8Array, more: Record<string, string> = {}) =>
    await fetch(`${base}/v1/artifacts/${target}`, {
      method: "PUT",
      body,
      headers: { ...headers, "content-type": "application/octet-stream", ...more },
    });
  t.equal((await put(digest, bytes)).status, 200);
  const fresh = await put(digestOf(bytesOf(10, 3)), bytesOf(10, 3), { "content-type": "text/x" });
  t.equal(fresh.status, 201);
  const lie = await put(digest, bytesOf(10, 5));
  t.same([lie.status, await errorCode(lie)], [422, "DIGEST_MISMATCH"]);
  t.equal(hex(await readAll(store, digest)), hex(bytes), "a lie does not harm what is here");
  const claim = await put(digest, bytes, { "repr-digest": "sha-256=:AAAA:" });
  t.equal(await errorCode(claim), "DIGEST_MISMATCH");
  const large = await put(digest, bytesOf(50_001));
  t.same([large.status, await errorCode(large)], [413, "LIMIT_EXCEEDED"]);
  async function* unannounced() {
    yield* chunks(bytesOf(60_000));
  }
  const chunked = await fetch(url, { method: "PUT", body: unannounced(), headers, duplex: "half" });
  t.equal(await errorCode(chunked), "LIMIT_EXCEEDED", "the limit holds without a length");
  for (const name of ["sha256:xyz", "..%2f..%2fsecret", digest.toUpperCase(), "%00"]) {
    t.equal((await put(name, bytes)).status, 400, name);
  }

  const before = asked.length;
  const target = await newStore();
  const absent = digestOf(bytesOf(1));
  const guess = fetch(`${base}/v1/artifacts/${absent}`, { headers });
  t.equal((await guess).status, 403, "who may not ask does not learn what is here");
  const got = await fetchArtifact({ url, token: "may-get", digest, store: target });
  t.equal(got.digest, digest);
  t.same(
    asked.slice(before).map(({ action, token }) => `${action} by ${token}`),
    ["get by may-put", "get by may-get"],
  );

  const get = (more: Record<string, string>, method = "GET") =>
    fetch(url, { method, headers: { authorization: "bearer may-get", ...more } });
  const head = await get({}, "HEAD");
  t.equal(head.headers.get("content-length"), "40000");
  t.equal(head.headers.get("etag"), `"${digest}"`);
  t.match(head.headers.get("cache-control"), /immutable/);
  for (const [range, start, end] of [
    ["bytes=0-0", 0, 1],
    ["bytes=39999-", 39_999, 40_000],
    ["bytes=100-999999", 100, 40_000],
    ["bytes=-5", 39_995, 40_000],
    ["bytes=-99999", 0, 40_000],
  ] as const) {
    const part = await get({ range });
    t.equal(part.status, 206, range);
    t.equal(part.headers.get("content-range"), `bytes ${start}-${end - 1}/40000`);
    t.equal(hex(new Uint8Array(await part.arrayBuffer())), hex(bytes.slice(start, end)));
  }
  for (const range of ["bytes=40000-", "bytes=-0"]) {
    const none = await get({ range });
    t.same([none.status, none.headers.get("content-range")], [416, "bytes */40000"], range);
    t.equal(await errorCode(none), "INVALID_ARGUMENT");
  }
  for (const range of ["bytes=5-1", "bytes=-", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"]) {
    t.equal((await get({ range })).status, 200, `${range} is passed over`);
  }
  t.equal((await get({ range: "bytes=0-1", "if-range": '"other"' })).status, 200);
  t.equal((await get({ range: "bytes=0-1", "if-range": `"${digest}"` })).status, 206);
  t.equal(spanOf("bytes=0-", 0), "unsatisfiable", "no byte of an empty blob");
});

t.test("the log's tiles are served as they are cached, and nothing beside them", async (t) => {
  const folder = join(root, "log");
  const files: Record<string, string> = {
    checkpoint: "head",
    "tile/0/000": "tile",
    "tile/1/x001/234.p/17": "partial",
    "tile/entries/x000/x012/345": "entries",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  appendFileSync(join(folder, "tile", "secret"), "secret");
  const read = async (path: string) => {
    const target = join(folder, path);
    return existsSync(target) ? new Uint8Array(readFileSync(target)) : undefined;
  };
  const base = await http(t, [logRoutes(read)]);
  for (const [path, text] of Object.entries(files)) {
    const response = await fetch(`${base}/${path}`);
    t.equal(await response.text(), text, path);
    const caching = response.headers.get("cache-control") ?? "";
    t.match(caching, path === "checkpoint" ? /max-age=1\b/ : /max-age=31536000, immutable/);
  }
  const head = await fetch(`${base}/tile/0/000`, { method: "HEAD" });
  t.same(
    [head.status, head.headers.get("content-length"), await head.text()],
    [200, "4", ""],
    "as large as it is, without it",
  );
  const tag = (await fetch(`${base}/checkpoint`)).headers.get("etag") ?? "";
  for (const known of [tag, `"other", W/${tag}`, "*"]) {
    const again = await fetch(`${base}/checkpoint`, { headers: { "if-none-match": known } });
    t.same([again.status, await again.text(), again.headers.get("etag")], [304, "", tag], known);
    t.match(again.headers.get("cache-control"), /max-age=1\b/);
  }
  writeFileSync(join(folder, "checkpoint"), "newer");
  const newer = await fetch(`${base}/checkpoint`, { headers: { "if-none-match": tag } });
  t.same([newer.status, await newer.text()], [200, "newer"]);
  const partial = await fetch(`${base}/tile/0/000.p/3`);
  t.equal(partial.status, 404, "one that is finished: readers ask for the whole tile then");
  const missing = await fetch(`${base}/tile/0/001`);
  t.same([missing.status, await errorCode(missing)], [404, "NOT_FOUND"]);
  t.equal(missing.headers.get("cache-control"), "no-store", "what is not there yet is not cached");
  for (const path of [
    "/tile/secret",
    "/tile/../checkpoint",
    "/tile/..%2f..%2fsecret",
    "/tile/%2e%2e/%2e%2e/secret",
    "/tile/0/../secret",
    "/tile//etc/passwd",
    "/tile/0/000.p/256",
    "/tile/0/000.p/0",
    "/tile/64/000",
    "/tile/0/000%00",
    "/tile/0/1000",
    "//checkpoint/..",
    "/../secret",
  ]) {
    const { status, body } = await rawGet(base, path);
    t.equal(status === 404 || status === 400, true, `${path} is ${status}`);
    t.equal(body.includes("secret\n") || body === "secret" || body === "head", false);
  }
});

t.test("metrics, health, and errors that tell no secrets", async (t) => {
  const faults: string[] = [];
  let missing: string | undefined = "no coordinator is attached";
  const base = await http(
    t,
    [
      healthRoutes(() => missing),
      metricsRoutes(() => {
        if (missing === undefined) throw new TypeError("secret: /var/lib/quipu/keys");
        return "# TYPE quipu_up gauge\nquipu_up 1\n";
      }),
    ],
    ({ id }) => faults.push(id),
  );
  const metrics = await fetch(`${base}/metrics`);
  t.match(metrics.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  t.match(await metrics.text(), /quipu_up 1/);
  t.equal((await fetch(`${base}/livez`)).status, 200);
  const unready = await fetch(`${base}/readyz`);
  t.same([unready.status, await unready.text()], [503, "no coordinator is attached\n"]);
  missing = undefined;
  t.equal((await fetch(`${base}/readyz`)).status, 200);

  const fault = await fetch(`${base}/metrics`);
  const text = await fault.text();
  t.equal(fault.status, 500);
  t.equal(/secret|\.js/.test(text), false, text);
  t.ok(text.includes(faults[0] ?? "?"), "the id leads to the log");
  const nothing = await fetch(`${base}/nothing`);
  t.same([nothing.status, await errorCode(nothing)], [404, "NOT_FOUND"]);
  t.equal((await fetch(`${base}/livez`, { method: "POST", body: "x" })).status, 404);

  for (const listen of ["0.0.0.0:0", "[::]:0", "example.org:80"]) {
    const error = await failure(startHttp({ listen, routes: [] }));
    t.equal(error.code, "INSECURE_ENDPOINT", listen);
  }
  const taken = await failure(startHttp({ listen: base.slice("http://".length), routes: [] }));
  t.equal(taken.code, "PORT_TAKEN");
  t.ok(taken.next);
  const unfinished = connectTcp(Number(new URL(base).port), "127.0.0.1");
  unfinished.write("GET /livez HTTP/1.1\r\nhost: x");
  t.teardown(() => unfinished.destroy());
  const unix = await failure(startHttp({ listen: "unix:/tmp/x.sock", routes: [] }));
  t.equal(unix.code, "INVALID_ARGUMENT");
});

t.test("closing lets a transfer finish, or ends it when its time is up", async (t) => {
  const store = await newStore();
  const authorize = async () => ({});
  const routes = [artifactRoutes({ store, authorize, sizeBytesMax: 1_000_000 })];
  for (const finishes of [true, false]) {
    const server = await startHttp({ listen: "127.0.0.1:0", routes });
    const bytes = bytesOf(30_000, finishes ? 21 : 22);
    const digest = digestOf(bytes);
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    async function* slow() {
      yield bytes.subarray(0, 10_000);
      await gate;
      yield bytes.subarray(10_000);
    }
    const url = `${server.url}/v1/artifacts/${digest}`;
    const sending = fetch(url, { method: "PUT", body: slow(), duplex: "half" }).then(
      (response) => response.status,
      () => "cut",
    );
    while (filesInWork(store, digest) === 0) await new Promise((r) => setTimeout(r, 5));
    const closing = server.close(finishes ? 10_000 : 20);
    if (finishes) go();
    await closing;
    t.equal(await sending, finishes ? 201 : "cut");
    go();
    t.equal((await store.stat(digest)) !== undefined, finishes);
  }
});

/** Unfinished blobs of a store. */
function filesInWork(store: ArtifactStore, digest: Digest): number {
  const folder = dirname(dirname(dirname(store.pathOf(digest))));
  const found = readdirSync(join(folder, "temporary"), { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).length;
}
