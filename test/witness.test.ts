/** Witnesses: what they cosign, what they refuse, and what proves a fork to strangers. */
import { createPublicKey, verify } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { remoteFiles } from "../src/cli/log/remote-log.js";
import { startHttp } from "../src/io/http/server.js";
import { witnessRoutes } from "../src/io/http/witness-routes.js";
import { newSigner } from "../src/io/identity/signer.js";
import { openDurableFolder } from "../src/io/store/durable-folder.js";
import { askWitness } from "../src/io/witness/ask-witness.js";
import { Witness, type WitnessEvent } from "../src/io/witness/witness.js";
import { followLog } from "../src/proof/tlog/follow.js";
import { checkFork, forkBytes, parseFork } from "../src/proof/tlog/fork.js";
import { cosignNote, parseNote, verifyNote } from "../src/proof/tlog/note.js";
import { meetsQuorum, parseTrustPolicy } from "../src/proof/tlog/trust-policy.js";
import {
  formatVerifierKey,
  keyId,
  parseVerifierKey,
  type VerifierKey,
  verifierKeyOf,
} from "../src/proof/tlog/verifier-key.js";
import {
  formatRequest,
  judgeRequest,
  openRequest,
  parseRequest,
  requestBytesMax,
} from "../src/proof/tlog/witness.js";
import { failure } from "./failure.js";
import { ForgedLog, logKey, logSigner, origin } from "./forged-log.js";

const clock = { wallMs: () => 1_800_000_000_500, bootMs: () => 0 };

const witnessSigner = newSigner("ed25519");
const witnessKey = verifierKeyOf(witnessSigner, "witness.example/w1", "witness");
const names = (count: number, prefix = "entry") =>
  Array.from({ length: count }, (_, at) => `${prefix} ${at}`);

/** What the log would ask of a witness that has seen `oldSize`. */
async function requestOf(log: ForgedLog, oldSize: number): Promise<string> {
  const hashes = await log.reader().consistency(oldSize, log.size);
  return formatRequest({ oldSize, hashes, checkpoint: log.note() });
}

function judge(body: string, newest: string | undefined) {
  return judgeRequest(openRequest(parseRequest(body), [logKey]), newest, [logKey]);
}

t.test("a cosignature is what the specification says, by other code", async (t) => {
  const note = new ForgedLog().grow(names(3)).note();
  const { text } = parseNote(note);
  const line = cosignNote(text, witnessKey.name, witnessSigner, 1_679_315_147);
  const [, name, encoded = ""] = /^\u2014 (\S+) (\S+)\n$/u.exec(line) ?? [];
  const bytes = Buffer.from(encoded, "base64");
  t.same([name, bytes.length], ["witness.example/w1", 4 + 8 + 64]);
  t.equal(bytes.readBigUInt64BE(4), 1_679_315_147n);
  const spki = { key: Buffer.from(witnessSigner.publicKey), format: "der", type: "spki" } as const;
  const message = Buffer.from(`cosignature/v1\ntime 1679315147\n${text}`);
  t.ok(verify(null, message, createPublicKey(spki), bytes.subarray(12)));
  t.equal(bytes.subarray(0, 4).toString("hex"), formatVerifierKey(witnessKey).split("+")[1]);
  const signers = verifyNote(parseNote(note + line), [logKey, witnessKey]);
  t.same(
    signers.map(({ key, timeS }) => [key.kind, timeS]),
    [
      ["log", undefined],
      ["witness", 1_679_315_147],
    ],
  );
  const later = Buffer.from(bytes);
  later.writeUInt8(later.readUInt8(11) ^ 1, 11);
  const forged = `${note}\u2014 ${name} ${later.toString("base64")}\n`;
  t.throws(() => verifyNote(parseNote(forged), [witnessKey]), { code: "VERIFICATION_FAILED" });
  t.same(
    verifyNote(parseNote(forged), [logKey]).length,
    1,
    "who does not know the key passes it over",
  );
  t.same(parseVerifierKey(formatVerifierKey(witnessKey), "witness"), witnessKey);
  t.throws(
    () => parseVerifierKey(formatVerifierKey(witnessKey)),
    /of a log/,
    "and of no other kind",
  );
});

t.test("a trust policy says whose word is enough", async (t) => {
  const keys = Array.from({ length: 6 }, (_, at) =>
    verifierKeyOf(newSigner("ed25519"), `w${at}.example`, "witness"),
  );
  const texts = keys.map(formatVerifierKey);
  const lines = [
    "# two of one company, and any of another",
    `log ${formatVerifierKey(logKey)} https://log.example/`,
    ...texts.slice(0, 3).map((key, at) => `witness X${at + 1} ${key}`),
    "group X-witnesses 2 X1 X2 X3",
    ...texts.slice(3).map((key, at) => `\twitness Y${at + 1}  ${key} https://y${at}.example`),
    "group Y-witnesses any Y1 Y2 Y3",
    "group X-and-Y all X-witnesses Y-witnesses",
    "quorum X-and-Y",
    "",
  ];
  const policy = parseTrustPolicy(lines.join("\n"));
  t.equal(policy.logs[0]?.url, "https://log.example/");
  const known = policy.witnesses.map(({ key }) => key);
  for (let chosen = 0; chosen < 64; chosen += 1) {
    const signers = known.filter((_, at) => (chosen & (1 << at)) !== 0);
    const [x, y] = [signers.filter((key) => known.indexOf(key) < 3).length, signers.length];
    t.equal(meetsQuorum(policy, signers), x >= 2 && y > x, `${chosen}`);
  }
  t.ok(meetsQuorum(parseTrustPolicy("quorum none"), []));
  for (const [line, text] of [
    [1, `log ${texts[0]}\nquorum none`],
    [2, `witness A ${texts[0]}\nwitness B ${texts[0]}\nquorum A`],
    [2, `witness A ${texts[0]}\nwitness A ${texts[1]}\nquorum A`],
    [1, `witness none ${texts[0]}\nquorum none`],
    [2, `witness A ${texts[0]}\ngroup G 2 A\nquorum G`],
    [2, `witness A ${texts[0]}\ngroup G any B\nquorum G`],
    [3, `witness A ${texts[0]}\ngroup G any A\ngroup H any A\nquorum H`],
    [2, "quorum none\nquorum none"],
    [1, "quorum A"],
    [1, "witnesses 3"],
    [1, "quorum\u0007 none"],
    [1, "# a comment\u007f\nquorum none"],
  ] as const) {
    const { code, message } = await failure((async () => parseTrustPolicy(text))());
    t.same([code, message.includes(`at line ${line}:`)], ["INVALID_ARGUMENT", true], message);
  }
  t.throws(() => parseTrustPolicy(`witness A ${texts[0]}\n`), /no line with the quorum/);
});

t.test("a thousand forks and rollbacks are refused, and forks proved", async (t) => {
  const counts = { forks: 0, proved: 0, behind: 0 };
  const few = { arbitrary: fc.integer({ min: 1, max: 20 }), weight: 9 };
  const many = { arbitrary: fc.integer({ min: 200, max: 300 }), weight: 1 };
  const added = fc.oneof(few, many);
  const sizes = fc.record({ common: fc.nat(20), seen: added, other: added });
  await fc.assert(
    fc.asyncProperty(sizes, async ({ common, seen, other }) => {
      const trunk = new ForgedLog().grow(names(common));
      const honest = new ForgedLog(trunk).grow(names(seen, "seen"));
      const forged = new ForgedLog(trunk).grow(names(other, "other"));
      const newest = honest.note();
      const oldSize = Math.min(honest.size, forged.size);
      const verdict = judge(await requestOf(forged, oldSize), newest);
      t.not(verdict.kind, "cosign", `${common} ${seen} ${other}`);
      counts.forks += 1;
      if (verdict.kind !== "cosign" && verdict.fork !== undefined) {
        const again = parseFork(forkBytes(verdict.fork));
        t.match(checkFork(again, [logKey]), /signed root/);
        counts.proved += 1;
      }
      const shown = await followLog(forged.reader(), newest, forged.note(), [logKey]);
      if (forged.size < honest.size) {
        t.same(shown, { kind: "behind", size: forged.size }, "its tiles do not reach that far");
        const known = await followLog(honest.reader(), forged.note(), newest, [logKey]);
        t.equal(known.kind, "forked", "seen the other way round");
      } else {
        t.equal(shown.kind, "forked");
      }
      const back = new ForgedLog(trunk);
      if (common === 0 || back.size === honest.size) return;
      const rollback = judge(await requestOf(back, back.size), newest);
      t.same(rollback, { kind: "conflict", size: honest.size });
      counts.behind += 1;
    }),
    { numRuns: 1000 },
  );
  t.ok(counts.proved > 300 && counts.behind > 300, JSON.stringify(counts));
});

t.test("a log that only grows is cosigned at every step", async (t) => {
  const log = new ForgedLog().grow([]);
  let newest: string | undefined;
  let size = 0;
  for (const more of [0, 1, 1, 2, 4, 0, 100, 156, 300]) {
    log.grow(names(more, `at ${log.size}`));
    t.same(judge(await requestOf(log, size), newest), { kind: "cosign" }, `${size} to ${log.size}`);
    [newest, size] = [log.note(), log.size];
  }
  t.same(judge(await requestOf(log, 8), newest), { kind: "conflict", size }, "from an older size");
});

t.test("what is no proof of a fork is refused", async (t) => {
  const log = new ForgedLog().grow(names(5));
  const older = log.note();
  const path = await log.grow(names(6, "more")).reader().consistency(5, 11);
  const honest = { older, newer: log.note(), path };
  t.throws(() => checkFork(honest, [logKey]), /holds the older one/);
  t.throws(() => checkFork({ ...honest, path: path.slice(1) }, [logKey]), /does not lead/);
  t.throws(() => checkFork({ older, newer: older, path: [] }, [logKey]), /say the same/);
  const stranger = verifierKeyOf(newSigner("ed25519"), origin);
  t.throws(() => checkFork(honest, [stranger]), { code: "VERIFICATION_FAILED" });
  const bytes = Buffer.from(forkBytes(honest)).toString();
  for (const bad of [
    "{}",
    "null",
    bytes.replace("v1", "v2"),
    bytes.replace('"path":[', '"path":["",'),
  ]) {
    t.throws(() => parseFork(Buffer.from(bad)), { code: "VERIFICATION_FAILED" }, bad.slice(0, 40));
  }
});

t.test("a witness over HTTP", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "quipu-witness-"));
  t.teardown(() => rmSync(root, { recursive: true }));
  const events: WitnessEvent[] = [];
  const open = async () => {
    const folder = await openDurableFolder(root);
    const observe = (event: WitnessEvent) => events.push(event);
    const { name } = witnessKey;
    return new Witness({ name, signer: witnessSigner, logs: [logKey], folder, clock, observe });
  };
  const serve = async () => {
    const routes = [witnessRoutes(await open(), requestBytesMax)];
    return await startHttp({ listen: "127.0.0.1:0", routes });
  };
  let http = await serve();
  t.teardown(() => http.close());
  const post = async (body: string) => {
    const response = await fetch(`${http.url}/add-checkpoint`, { method: "POST", body });
    const type = response.headers.get("content-type") ?? "";
    return { status: response.status, type, text: await response.text() };
  };
  const log = new ForgedLog().grow(names(4));
  const asked = () => ({ key: witnessKey, url: http.url });
  const answer = await askWitness(asked(), { oldSize: 0, hashes: [], checkpoint: log.note() });
  t.match(answer, { line: /^\u2014 witness\.example\/w1 / });
  const grown = new ForgedLog(log).grow(names(3, "more"));
  const hashes = await grown.reader().consistency(4, 7);
  const step = { oldSize: 4, hashes, checkpoint: grown.note() };
  const both = await Promise.all([askWitness(asked(), step), askWitness(asked(), step)]);
  t.same(
    both.filter((one) => "size" in one),
    [{ size: 7 }],
    "of two at once one is first",
  );

  await http.close();
  http = await serve();
  const stale = await post(formatRequest(step));
  t.same([stale.status, stale.type, stale.text], [409, "text/x.tlog.size", "7\n"], "it remembers");
  const other = new ForgedLog(log).grow(names(3, "other"));
  const fork = await post(await requestOf(other, 4));
  t.same([fork.status, fork.text], [409, "7\n"]);
  const proof = new Uint8Array(
    await (await fetch(`${http.url}/fork?origin=${encodeURIComponent(origin)}`)).arrayBuffer(),
  );
  t.match(checkFork(parseFork(proof), [logKey]), /as well/);
  t.match(events.at(-1), { kind: "refused", isFork: true, size: 7 });
  const longer = new ForgedLog(other).grow(names(5, "other still"));
  const lie = await post(await requestOf(longer, 7));
  t.equal(lie.status, 422);
  t.equal((await post("old 1\n\nwhat?")).status, 400);
  t.equal(
    (await post(formatRequest({ oldSize: 9, hashes: [], checkpoint: log.note() }))).status,
    400,
  );
  t.equal(
    (await post(formatRequest({ ...step, checkpoint: log.note(logSigner, "x.example") }))).status,
    404,
  );
  t.equal(
    (await post(formatRequest({ ...step, checkpoint: log.note(newSigner("ed25519")) }))).status,
    403,
  );
  t.equal((await post("x".repeat(requestBytesMax + 1))).status, 413);
  t.equal((await fetch(`${http.url}/fork?origin=x`)).status, 404);

  const deaf = { key: witnessKey, url: "http://127.0.0.1:9" };
  t.match(await failure(askWitness(deaf, step)), { code: "UNAVAILABLE" });
  const impostor: VerifierKey = { ...witnessKey, publicKey: logKey.publicKey };
  const again = { oldSize: 7, hashes: [], checkpoint: grown.note() };
  const unsigned = await failure(askWitness({ key: impostor, url: http.url }, again));
  t.match(unsigned.message, /without a signature/);
});

t.test("a witness cannot have more signed than it was asked", async (t) => {
  const checkpoint = new ForgedLog().grow(names(4)).note();
  let answer = "";
  const server = createServer((_, response) => void response.end(answer));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.teardown(() => void server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const asked = { key: witnessKey, url: `http://127.0.0.1:${port}` };
  for (const more of ["", "and more\n"]) {
    const signed = cosignNote(`${checkpoint}${more}`, witnessKey.name, witnessSigner, 1);
    answer = `${more}\n${signed}`;
    const refused = await failure(askWitness(asked, { oldSize: 0, hashes: [], checkpoint }));
    t.match(refused, { code: "UNAVAILABLE", message: /more than signature lines/ });
  }
});

t.test("a wrong signature under a stranger's key hides no fork", async (t) => {
  const older = new ForgedLog().grow(names(4)).note();
  const stranger = verifierKeyOf(newSigner("ed25519"), "other.example/log");
  const wrong = Buffer.concat([keyId(stranger), Buffer.alloc(64)]).toString("base64");
  const checkpoint = `${new ForgedLog().grow(names(4, "other")).note()}\u2014 ${stranger.name} ${wrong}\n`;
  const logs = [stranger, logKey];
  const request = openRequest({ oldSize: 4, hashes: [], checkpoint }, logs);
  const verdict = judgeRequest(request, older, logs);
  t.match(verdict, { kind: "conflict", fork: { older, newer: checkpoint } });
});

t.test("a log's files over HTTP are bounded, and a broken answer is no news", async (t) => {
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    if (path === "/missing") return void response.writeHead(404).end("none");
    if (path === "/sick") return void response.writeHead(503).end("not now");
    const isEndless = path === "/endless";
    const some = Buffer.alloc(1 << 20);
    const write = (): void => {
      while (response.write(some)) if (!isEndless) return void response.destroy();
      if (isEndless) response.once("drain", write);
      else response.destroy();
    };
    write();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.teardown(() => void server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const read = remoteFiles(`http://127.0.0.1:${port}`, new AbortController().signal);
  t.equal(await read("missing"), undefined);
  t.match(await failure(read("sick")), { code: "UNAVAILABLE", message: /answered 503/ });
  t.match(await failure(read("endless")), { code: "UNAVAILABLE", message: /more than/ });
  t.match(await failure(read("broken")), { code: "UNAVAILABLE", message: /does not answer/ });
  const { signal } = new AbortController();
  t.throws(() => remoteFiles("no address", signal), { code: "INVALID_ARGUMENT" });
});
