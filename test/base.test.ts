/** The ground floor: canonical JSON as RFC 8785 has it, addresses, queues, bytes, ids, errors. */
import { generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { AsyncQueue } from "../src/base/async-queue.js";
import { digestOf, fromBase64, fromHex, isDigest, toBase64, toHex } from "../src/base/bytes.js";
import { canonicalJson } from "../src/base/canonical-json.js";
import { formatEndpoint, isLocalEndpoint, parseEndpoint } from "../src/base/endpoint.js";
import { type ErrorCode, errorCodes, QuipuError } from "../src/base/errors.js";
import { sha256Hasher } from "../src/base/hasher.js";
import { newId } from "../src/base/ids.js";
import { isWithin } from "../src/base/paths.js";
import { randomInteger, seededRandom } from "../src/base/random.js";
import { verifySignature } from "../src/base/signature.js";
import { abortError, eachUntilAbort, untilAbort } from "../src/base/until-abort.js";
import { failure } from "./failure.js";

t.test("canonical JSON is that of RFC 8785", async (t) => {
  const sample = String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`;
  t.equal(
    canonicalJson(JSON.parse(sample)),
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    "the example of section 3.2.2",
  );
  const keys = ["\u20ac", "\r", "\ufb33", "1", "\u{1f600}", "\u0080", "\u00f6"];
  const sorted = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\u{1f600}", "\ufb33"];
  const written = canonicalJson(Object.fromEntries(keys.map((key) => [key, 0])));
  t.equal(written, `{${sorted.map((key) => `${JSON.stringify(key)}:0`).join(",")}}`);
  for (const [bits, text] of [
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ] as const) {
    const number = Buffer.from(bits, "hex").readDoubleBE(0);
    t.equal(canonicalJson(number), text, `appendix B: ${bits}`);
  }
  for (const value of [Number.NaN, 1 / 0, "\ud83d", { "\udead": 1 }, 1n, undefined, [undefined]]) {
    t.throws(() => canonicalJson(value), { code: "INVALID_ARGUMENT" });
  }
  t.equal(canonicalJson({ b: undefined, a: 1 }), '{"a":1}');
  fc.assert(
    fc.property(fc.jsonValue(), fc.infiniteStream(fc.nat()), (value, order) => {
      const text = canonicalJson(value);
      const shuffled = shuffle(JSON.parse(text), () => order.next().value);
      return canonicalJson(shuffled) === text && !/\s/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, ""));
    }),
  );
});

/** The same value with the keys of each object in another order. */
function shuffle(value: unknown, random: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffle(item, random));
  if (typeof value !== "object" || value === null) return value;
  const rows = Object.entries(value).map(([key, member]) => ({ key, member, at: random() }));
  rows.sort((a, b) => a.at - b.at);
  return Object.fromEntries(rows.map(({ key, member }) => [key, shuffle(member, random)]));
}

t.test("bytes, digests and ids have one form each", async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const same = Buffer.from(bytes);
      const back = [fromHex(toHex(bytes)), fromBase64(toBase64(bytes))];
      return back.every((copy) => same.equals(copy)) && isDigest(digestOf(bytes));
    }),
  );
  for (const text of ["0", "0G", "AB", "0x00"]) {
    t.throws(() => fromHex(text), { code: "INVALID_ARGUMENT" }, `hex ${text}`);
  }
  for (const text of ["A", "AA", "AA=", "AB==", "A A=", "AA==\n", "-_8="]) {
    t.throws(() => fromBase64(text), { code: "INVALID_ARGUMENT" }, `base64 ${text}`);
  }
  const hasher = sha256Hasher();
  for (const part of ["a", "b", "c"]) hasher.update(new TextEncoder().encode(part));
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2
  t.equal(toHex(hasher.digest()), abc);
  const random = seededRandom(1);
  const ids = new Set(Array.from({ length: 1_000 }, () => newId("job", random)));
  t.equal(ids.size, 1_000);
  for (const id of ids) if (!/^job-[0-9a-hjkmnp-tv-z]{16}$/.test(id)) t.fail(id);
  t.equal(newId("run", { bytes: () => new Uint8Array(10).fill(255) }), `run-${"z".repeat(16)}`);
  const counts = [0, 0, 0];
  for (let i = 0; i < 3_000; i += 1) {
    const drawn = randomInteger(random, 3);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  t.ok(
    counts.every((count) => count > 850 && count < 1_150),
    `${counts} are near 1000 each`,
  );
});

t.test("an error tells its code, what to do, and how it leaves a process", async (t) => {
  const error = new QuipuError("DIGEST_MISMATCH", "not those bytes", { next: "fetch again" });
  t.same(JSON.parse(JSON.stringify(error)), {
    code: "DIGEST_MISMATCH",
    kind: "terminal",
    message: "not those bytes",
    next: "fetch again",
  });
  t.equal(QuipuError.from(error), error);
  for (const [errno, code] of [
    ["ENOSPC", "DISK_FULL"],
    ["EADDRINUSE", "PORT_TAKEN"],
    ["ENOENT", "NOT_FOUND"],
    ["EROFS", "PERMISSION_DENIED"],
    ["ECONNREFUSED", "UNAVAILABLE"],
    ["EWHATEVER", "INTERNAL"],
  ] as const) {
    const system = Object.assign(new Error(errno), { code: errno });
    t.equal(QuipuError.from(system).code, code, errno);
    t.equal(QuipuError.from(system).cause, system);
  }
  t.equal(QuipuError.from("text").code, "INTERNAL");
  for (const [code, facts] of Object.entries(errorCodes)) {
    const sound = facts.exit > 0 && facts.exit < 256 && facts.grpc > 0 && facts.grpc <= 16;
    if (!sound) t.fail(code);
    t.equal(new QuipuError(code as ErrorCode, "x").kind, facts.kind);
  }
});

t.test("which addresses stay on this machine", async (t) => {
  for (const [text, local] of [
    ["127.0.0.1:1", true],
    ["127.255.0.3:1", true],
    ["localhost:1", true],
    ["[::1]:1", true],
    ["[0:0:0:0:0:0:0:1]:1", true],
    ["unix:/run/quipu.sock", true],
    ["127.example.org:1", false],
    ["[::ffff:8.8.8.8]:1", false],
    ["[2001:db8::1]:1", false],
    ["[::2:1]:1", false],
  ] as const) {
    t.equal(isLocalEndpoint(parseEndpoint(text)), local, text);
  }
  for (const text of [
    "",
    ":1",
    "host",
    "host:99999",
    "::1:5",
    "[::g]:1",
    "unix:relative",
    "a b:1",
  ]) {
    t.throws(() => parseEndpoint(text), { code: "INVALID_ARGUMENT" }, `"${text}"`);
  }
  t.throws(() => parseEndpoint(`unix:/${"x".repeat(120)}`), { code: "LIMIT_EXCEEDED" });
  t.equal(formatEndpoint(parseEndpoint("[::1]:80")), "[::1]:80");
  t.equal(formatEndpoint(parseEndpoint("localhost:80")), "127.0.0.1:80");
  t.equal(formatEndpoint(parseEndpoint("unix:///run/x")), "unix:/run/x");
});

t.test("a queue gives what was pushed, in order, to a reader that keeps up", async (t) => {
  const queue = new AsyncQueue<number>(3);
  t.same(
    [1, 2, 3].map((item) => queue.push(item)),
    [true, true, true],
  );
  const reader = queue[Symbol.asyncIterator]();
  t.equal((await reader.next()).value, 1);
  t.equal(queue.push(4), true, "there is room again");
  t.equal(queue.push(5), false, "over the bound");
  t.equal(queue.push(6), false, "and after it");
  t.equal((await failure(reader.next())).code, "LIMIT_EXCEEDED", "the backlog is gone");
  t.equal((await reader.next()).done, true);

  const ended = new AsyncQueue<number>(3);
  const waiting = ended[Symbol.asyncIterator]();
  const first = waiting.next();
  ended.push(1);
  ended.push(2);
  ended.end();
  t.same([(await first).value, (await waiting.next()).value], [1, 2], "the end comes last");
  t.equal((await waiting.next()).done, true);
  t.equal(ended.push(3), false);
});

t.test("waiting ends when its signal says so", async (t) => {
  const stop = new AbortController();
  const never = new Promise<never>(() => {});
  t.equal(await untilAbort(Promise.resolve(1), stop.signal), 1);
  const waiting = failure(untilAbort(never, stop.signal));
  let closed = false;
  async function* silent() {
    try {
      yield 1;
      yield 2;
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
      yield 3;
    } finally {
      closed = true;
    }
  }
  const seen: number[] = [];
  const each = failure(
    (async () => {
      for await (const item of eachUntilAbort(silent(), stop.signal)) seen.push(item);
    })(),
  );
  const reason = new QuipuError("LEASE_EXPIRED", "too late");
  setImmediate(() => stop.abort(reason));
  t.equal(await waiting, reason);
  t.equal(await each, reason);
  t.same(seen, [1, 2]);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(closed, true, "the source is told to end");
  t.equal(abortError(stop.signal, "it"), reason);
  t.equal(abortError(AbortSignal.abort(), "it").code, "CANCELLED");
  const late = AbortSignal.abort(new DOMException("late", "TimeoutError"));
  t.equal(abortError(late, "it").code, "DEADLINE_EXCEEDED");
});

t.test("a signature holds for its own key alone, however many keys were seen", (t) => {
  const message = Buffer.from("message");
  const signers = Array.from({ length: 1_100 }, () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const der = publicKey.export({ format: "der", type: "spki" });
    return { der, signature: sign(null, message, privateKey) };
  });
  const holds = (der: Uint8Array, signature: Uint8Array): boolean =>
    verifySignature("ed25519", der, message, signature);
  for (const { der, signature } of [...signers, ...signers]) {
    if (!holds(der, signature)) return t.fail("a key does not know its own signature");
  }
  const [{ der, signature } = { der: Buffer.of(), signature: Buffer.of() }, other] = signers;
  t.equal(holds(der, other?.signature ?? der), false);
  t.equal(verifySignature("ecdsa-p256-sha256", der, message, signature), false);
  der.set(other?.der ?? [], 0); // the caller's bytes are read at each call, not remembered
  t.equal(holds(der, signature), false);
  t.equal(holds(der, other?.signature ?? der), true);
  t.equal(holds(Buffer.from("no key"), signature), false);
  t.end();
});

t.test("a folder holds what lies in it, not what begins alike", async (t) => {
  t.ok(isWithin("/a", "/a/b") && isWithin("/", "/a"));
  t.notOk(isWithin("/a", "/ab") || isWithin("/a", "/a") || isWithin("/a/b", "/a"));
});
