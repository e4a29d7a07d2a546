/** The transparency log: official vectors, proofs by property, the sequencer broken at each step. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import tap from "tap";
import { equalBytes, fromBase64, toHex } from "../src/base/bytes.js";
import type { QuipuError } from "../src/base/errors.js";
import { Sequencer } from "../src/coordinator/sequencer.js";
import { loadOrCreateSigner, newSigner } from "../src/io/identity/signer.js";
import { LogFolder } from "../src/io/store/log-folder.js";
import { appendEntries, emptyEdge, readEdge } from "../src/proof/tlog/append.js";
import { checkConsistency, checkInclusion } from "../src/proof/tlog/check.js";
import { openCheckpoint, signCheckpoint } from "../src/proof/tlog/checkpoint.js";
import { rootOfEntries } from "../src/proof/tlog/frontier.js";
import { fsckLog } from "../src/proof/tlog/fsck.js";
import { emptyRoot, leafHash } from "../src/proof/tlog/hash.js";
import { formatVerifierKey, parseVerifierKey, verifierKeyOf } from "../src/proof/tlog/note.js";
import { formatProofFile, parseProofFile } from "../src/proof/tlog/proof-file.js";
import { LogReader } from "../src/proof/tlog/reader.js";
import { decodeStage, encodeStage } from "../src/proof/tlog/stage.js";
import type { LogStore } from "../src/proof/tlog/store.js";
import { decodeEntries, isTilePath, type TileReader, tilePath } from "../src/proof/tlog/tile.js";
import { MemoryLogStore, newLogDisk, type WriteStep } from "./memory-log-store.js";

const vectors = "../shared/vectors";
const origin = "log.example.com/quipu";
const clock = { wallMs: () => 1_795_392_000_000, bootMs: () => 0 };
const signer = newSigner("ed25519");
const appender = fileURLToPath(new URL("fixtures/log-appender.js", import.meta.url));

const entry = (i: number): Uint8Array => new TextEncoder().encode(`entry ${i}`);
const entriesUpTo = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => entry(i));

/** A log of `count` entries, all its files in a map. */
function grow(count: number): { files: Map<string, Uint8Array>; root: Uint8Array } {
  const { files, root } = appendEntries(emptyEdge, entriesUpTo(count));
  return { files: new Map(files.map(({ path, content }) => [path, content])), root };
}

/** Fields of both kinds of vectors. */
interface MerkleCase {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: string[] | null;
  readonly desc: string;
  readonly wantErr: boolean;
}

tap.test("Merkle vectors of transparency-dev", async (t) => {
  const folder = join(vectors, "merkle");
  if (!existsSync(folder)) {
    t.ok(true, `${folder} is not here`, { skip: true });
    return;
  }
  const load = (kind: string): MerkleCase[] =>
    readdirSync(join(folder, kind), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".json"))
      .map((path) => JSON.parse(readFileSync(join(folder, kind, path), "utf8")));
  const bytes = (text: string | null): Uint8Array => fromBase64(text ?? "");
  const list = (texts: string[] | null): Uint8Array[] => (texts ?? []).map(bytes);
  let cases = 0;
  for (const { leafIdx, treeSize, root, leafHash: leaf, proof, desc, wantErr } of load(
    "inclusion",
  )) {
    const claim = { index: leafIdx, size: treeSize, leafHash: bytes(leaf), hashes: list(proof) };
    t.equal(checkInclusion({ ...claim, root: bytes(root) }), !wantErr, `inclusion: ${desc}`);
    cases += 1;
  }
  for (const { size1, size2, root1, root2, proof, desc, wantErr } of load("consistency")) {
    const claim = { oldSize: size1, newSize: size2, hashes: list(proof) };
    const roots = { oldRoot: bytes(root1), newRoot: bytes(root2) };
    t.equal(checkConsistency({ ...claim, ...roots }), !wantErr, `consistency: ${desc}`);
    cases += 1;
  }
  t.equal(cases, 196);
});

tap.test("a log that another implementation wrote", async (t) => {
  const folder = join(vectors, "tessera-log");
  if (!existsSync(folder)) {
    t.ok(true, `${folder} is not here`, { skip: true });
    return;
  }
  const text = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
  const key = parseVerifierKey(text);
  t.equal(formatVerifierKey(key), text);
  const read: TileReader = async (path) =>
    existsSync(join(folder, path)) ? readFileSync(join(folder, path)) : undefined;
  const report = await fsckLog(read, [key]);
  t.same([report.ok, report.size, report.problems], [true, 15, []]);
  const reader = new LogReader(read);
  for (let size = 0; size <= 15; size += 1) {
    const note = readFileSync(join(folder, `checkpoint.${size}`), "utf8");
    const checkpoint = openCheckpoint(note, [key]);
    t.equal(checkpoint.size, size);
    const entries = await reader.entries(0, size, size);
    t.same(rootOfEntries(entries), checkpoint.root, `root at size ${size}`);
    const edge = await readEdge(read, size);
    t.same(appendEntries(edge, []).root, checkpoint.root, `edge at size ${size}`);
    const hashes = await reader.consistency(size, 15);
    if (size === 0) continue;
    const newRoot = fromBase64("rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=");
    const claim = { oldSize: size, newSize: 15, oldRoot: checkpoint.root, newRoot, hashes };
    t.ok(checkConsistency(claim), `consistent from ${size}`);
  }
});

tap.test("the published example of a signed note", async (t) => {
  const key = parseVerifierKey(
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
  );
  t.equal(toHex(key.publicKey).length, 64);
  t.throws(
    () => parseVerifierKey("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
    {
      code: "INVALID_ARGUMENT",
    },
  );
});

tap.test("tile paths", async (t) => {
  t.equal(tilePath(0, 0), "tile/0/000");
  t.equal(tilePath(2, 1_234_067), "tile/2/x001/x234/067");
  t.equal(tilePath(1, 999, 17), "tile/1/999.p/17");
  t.equal(tilePath("entries", 1000, 255), "tile/entries/x001/000.p/255");
  for (const bad of [
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/64/000",
    "tile/0/../000",
    "x",
    "tile/00/000",
  ]) {
    t.equal(isTilePath(bad), false, bad);
  }
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), fc.integer({ min: 1, max: 256 }), (index, width) =>
      isTilePath(tilePath(index % 64, index, width)),
    ),
  );
});

tap.test("growing in any steps gives the same files and roots", async (t) => {
  // 70,000 entries in uneven steps: three tile levels, and the example of tlog-tiles itself.
  const steps = [1, 1, 253, 1, 1, 511, 65_000, 4_000, 232];
  const published = new Map<string, Uint8Array>();
  let edge = emptyEdge;
  let at = 0;
  for (const step of steps) {
    const entries = Array.from({ length: step }, (_, i) => entry(at + i));
    const growth = appendEntries(edge, entries);
    for (const { path, content } of growth.files) published.set(path, content);
    edge = growth.edge;
    at += step;
    const { peaks, tiles } = await readEdge(async (path) => published.get(path), at);
    t.same(peaks.map(toHex), edge.peaks.map(toHex), `peaks at ${at}`);
    t.same(tiles.flat().map(toHex), edge.tiles.flat().map(toHex), `tiles at ${at}`);
  }
  const whole = grow(70_000);
  t.same(appendEntries(edge, []).root, whole.root);
  for (const [path, content] of whole.files)
    t.ok(equalBytes(published.get(path) ?? entry(0), content));
  const level = (prefix: string): number =>
    [...whole.files.keys()].filter((path) => path.startsWith(prefix)).length;
  t.same(
    [level("tile/0/"), level("tile/1/"), level("tile/2/"), level("tile/entries/")],
    [274, 2, 1, 274],
  );
  t.ok(whole.files.has("tile/1/001.p/17"));
  t.same(
    decodeStage(encodeStage([...whole.files].map(([path, content]) => ({ path, content })))).length,
    551,
  );
});

tap.test("every index of sizes to 600 proves, nothing else does", async (t) => {
  const whole = entriesUpTo(600);
  const hashes = whole.map(leafHash);
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 256, 257, 600];
  for (const size of sizes) {
    const { files, root } = grow(size);
    t.same(root, rootOfEntries(whole.slice(0, size)));
    const reader = new LogReader(async (path) => files.get(path));
    let wrong = 0;
    for (let index = 0; index < size; index += 1) {
      const proof = await reader.inclusion(index, size);
      const claim = { index, size, leafHash: hashes[index] as Uint8Array, hashes: proof, root };
      if (!checkInclusion(claim)) wrong += 1;
      if (checkInclusion({ ...claim, index: index + 1 })) wrong += 1;
      if (checkInclusion({ ...claim, hashes: [...proof, root] })) wrong += 1;
    }
    for (let old = 1; old <= size; old += size < 20 ? 1 : 13) {
      const oldRoot = rootOfEntries(whole.slice(0, old));
      const proof = await reader.consistency(old, size);
      const claim = { oldSize: old, newSize: size, oldRoot, newRoot: root, hashes: proof };
      if (!checkConsistency(claim)) wrong += 1;
      if (checkConsistency({ ...claim, oldRoot: emptyRoot() })) wrong += 1;
      if (checkConsistency({ ...claim, oldSize: old - 1 })) wrong += 1;
    }
    t.equal(wrong, 0, `size ${size}`);
  }
});

tap.test("one wrong bit anywhere is refused", async (t) => {
  const { files, root } = grow(600);
  const reader = new LogReader(async (path) => files.get(path));
  const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
    const copy = new Uint8Array(bytes);
    copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
    return copy;
  };
  const nat = (max: number): fc.Arbitrary<number> => fc.nat(max - 1);
  await fc.assert(
    fc.asyncProperty(nat(600), nat(20), nat(256), async (index, which, bit) => {
      const hashes = await reader.inclusion(index, 600);
      const claim = { index, size: 600, leafHash: leafHash(entry(index)), hashes, root };
      const at = which % (hashes.length + 2);
      if (at === 0) return !checkInclusion({ ...claim, root: flip(root, bit) });
      if (at === 1) return !checkInclusion({ ...claim, leafHash: flip(claim.leafHash, bit) });
      const changed = hashes.map((hash, i) => (i === at - 2 ? flip(hash, bit) : hash));
      return !checkInclusion({ ...claim, hashes: changed });
    }),
  );
  const note = signCheckpoint({ origin, size: 600, root }, signer);
  const key = verifierKeyOf(signer, origin);
  t.same(openCheckpoint(note, [key]), { origin, size: 600, root });
  const bytes = new TextEncoder().encode(note);
  const outcomes = new Set<string>();
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    try {
      openCheckpoint(new TextDecoder().decode(flip(bytes, bit)), [key]);
      outcomes.add(`accepted with bit ${bit} changed`);
    } catch (thrown) {
      outcomes.add((thrown as QuipuError).code);
    }
  }
  t.same([...outcomes].sort(), ["INVALID_ARGUMENT", "VERIFICATION_FAILED"]);
  const proof = { index: 7, hashes: await reader.inclusion(7, 600), checkpoint: note };
  t.same(parseProofFile(formatProofFile(proof)), proof);
  for (const bad of [
    "c2sp.org/tlog-proof@v2\nindex 0\n\nx",
    "c2sp.org/tlog-proof@v1\nindex 01\n\nx",
    "",
  ]) {
    t.throws(() => parseProofFile(bad), { code: "VERIFICATION_FAILED" });
  }
});

tap.test("entry bundles are read strictly", async (t) => {
  t.same(decodeEntries(Uint8Array.of(0, 1, 9, 0, 0), 2), [Uint8Array.of(9), new Uint8Array(0)]);
  for (const bad of [[0], [0, 2, 1], [0, 1, 9, 0], [0, 1, 9, 0, 0, 0]]) {
    t.throws(() => decodeEntries(Uint8Array.from(bad), 2), { code: "LOG_CORRUPT" });
  }
});

async function openLog(store: LogStore): Promise<Sequencer> {
  return Sequencer.open({ store, signer, origin, clock });
}

/** Opens the log anew and checks that it holds each acknowledged entry at its index, once. */
async function inspect(
  t: Pick<typeof tap, "same">,
  store: LogStore,
  acknowledged: ReadonlyMap<number, Uint8Array>,
  what: string,
): Promise<Sequencer> {
  const log = await openLog(store);
  const { size } = log.head();
  const entries = await log.entries(0, size);
  const lost = [...acknowledged].filter(
    ([i, bytes]) => !equalBytes(entries[i] ?? emptyRoot(), bytes),
  );
  const distinct = new Set(entries.map(toHex));
  t.same([lost.length, distinct.size], [0, size], `${what}: nothing lost, nothing doubled`);
  const report = await fsckLog((path) => store.read(path), [log.verifierKey]);
  t.same([report.ok, report.problems, report.size], [true, [], size], `${what}: fsck is clean`);
  return log;
}
tap.test("appends are gathered, proved and read back", async (t) => {
  const store = new MemoryLogStore();
  const log = await openLog(store);
  t.equal(log.head().size, 0);
  const first = await Promise.all(entriesUpTo(300).map((bytes) => log.append(bytes)));
  t.same(
    first.map(({ index }) => index),
    Array.from({ length: 300 }, (_, i) => i),
  );
  t.equal(
    [...store.disk.files.keys()].filter((path) => path.includes(".p/")).length,
    3,
    "one commit",
  );
  const twice = await Promise.all([log.append(entry(300)), log.append(entry(300))]);
  t.same(twice, [{ index: 300 }, { index: 300 }], "the same bytes at once are one entry");
  const { root, size, hashes, checkpoint } = await log.inclusion(299);
  t.equal(size, 301);
  t.ok(checkInclusion({ index: 299, size, root, hashes, leafHash: leafHash(entry(299)) }));
  t.same(openCheckpoint(checkpoint, [log.verifierKey]), { origin, size, root });
  t.same(await log.leafHashes(250, 260), entriesUpTo(260).slice(250).map(leafHash));
  t.same(await log.entries(255, 257), [entry(255), entry(256)]);
  await t.rejects(log.inclusion(301), { code: "NOT_FOUND" });
  await t.rejects(log.append(new Uint8Array(65_536)), { code: "LIMIT_EXCEEDED" });
  await inspect(t, store, new Map(first.map(({ index }) => [index, entry(index)])), "whole");
});

const steps: WriteStep[] = [
  "stage",
  "compareAndSwap",
  "publish",
  "publishCheckpoint",
  "dropStages",
  "dropPartials",
];

tap.test("each durable step fails, before and after its effect", async (t) => {
  for (const step of steps) {
    for (const persisted of [false, true]) {
      for (const crash of [false, true]) {
        for (const call of step === "publish" ? [1, 2, 3] : [1]) {
          const what = `${step} ${call} ${persisted ? "" : "not "}persisted, ${crash ? "crash" : "error"}`;
          const disk = newLogDisk();
          const store = new MemoryLogStore(disk);
          const log = await openLog(store);
          const acknowledged = new Map<number, Uint8Array>();
          const submit = async (to: Sequencer, i: number): Promise<void> => {
            const { index } = await to.append(entry(i));
            acknowledged.set(index, entry(i));
          };
          await Promise.all(entriesUpTo(254).map((_, i) => submit(log, i)));
          const struck = store.arm({ step, call, persisted, crash });
          // Two entries that finish the first tile, so that every kind of step takes place.
          const failed: number[] = [];
          const attempt = (i: number): Promise<void> =>
            submit(log, i).catch(() => void failed.push(i));
          await Promise.all([attempt(254), attempt(255)]);
          t.ok(struck(), `${what}: the fault struck`);
          if (!crash) {
            for (const i of failed) await submit(log, i);
            await submit(log, 256);
            t.equal(log.head().size, 257, `${what}: the same process goes on`);
          }
          const after = await inspect(t, new MemoryLogStore(disk), acknowledged, what);
          const known = new Set((await after.leafHashes(0, after.head().size)).map(toHex));
          for (const i of failed) if (!known.has(toHex(leafHash(entry(i))))) await submit(after, i);
          await inspect(t, new MemoryLogStore(disk), acknowledged, `${what}, and again`);
          t.equal(after.head().size, crash ? 256 : 257, `${what}: complete`);
        }
      }
    }
  }
});

tap.test("two faults in a row leave a doubt that ends well", async (t) => {
  const store = new MemoryLogStore();
  const log = await openLog(store);
  await log.append(entry(0));
  store.arm({ step: "compareAndSwap", call: 1, persisted: true, crash: false });
  const failing = log.append(entry(1));
  // The recovery that follows at once fails too, so that the append must be answered with an error.
  const publish = store.publish.bind(store);
  store.publish = async () => {
    throw new Error("no space");
  };
  await t.rejects(failing);
  await t.rejects(log.append(entry(2)));
  store.publish = publish;
  t.same(await log.append(entry(1)), { index: 1 }, "asked again, it keeps its index");
  t.same(await log.append(entry(2)), { index: 2 });
  await inspect(
    t,
    store,
    new Map([
      [1, entry(1)],
      [2, entry(2)],
    ]),
    "after the doubt",
  );
});

tap.test("a second writer, a rollback and damage are refused", async (t) => {
  const disk = newLogDisk();
  const [one, other] = [
    await openLog(new MemoryLogStore(disk)),
    await openLog(new MemoryLogStore(disk)),
  ];
  await one.append(entry(0));
  await t.rejects(other.append(entry(1)), { code: "CONFLICT" });
  await t.rejects(other.append(entry(1)), { code: "FENCED" });
  const old = disk.committed;
  await one.append(entry(1));
  await t.rejects(openLog(new MemoryLogStore({ ...disk, committed: old })), {
    code: "LOG_CORRUPT",
  });
  const stranger = newSigner("ed25519");
  const options = { store: new MemoryLogStore(disk), signer: stranger, origin, clock };
  await t.rejects(Sequencer.open(options), { code: "VERIFICATION_FAILED" });
  const tile = disk.files.get("tile/0/000.p/2") as Uint8Array;
  disk.files.set(
    "tile/0/000.p/2",
    tile.map((byte) => byte ^ 1),
  );
  await t.rejects(openLog(new MemoryLogStore(disk)), { code: "LOG_CORRUPT" });
  const report = await fsckLog(async (path) => disk.files.get(path), [one.verifierKey]);
  t.equal(report.ok, false);
  t.match(report.problems, ["tile/0/000.p/2 does not follow from the entries"]);
});

tap.test("fsck reads a log that grows meanwhile, and finds each kind of damage", async (t) => {
  const store = new MemoryLogStore();
  const log = await openLog(store);
  await Promise.all(entriesUpTo(300).map((bytes) => log.append(bytes)));
  const { files } = store.disk;
  const before = files.get("checkpoint") as Uint8Array;
  await Promise.all(
    entriesUpTo(520)
      .slice(300)
      .map((bytes) => log.append(bytes)),
  );
  t.notOk(files.has("tile/0/001.p/44"), "the unfinished tile is gone");
  const check = async (change: (copy: Map<string, Uint8Array>) => void): Promise<string[]> => {
    const copy = new Map(files);
    change(copy);
    const report = await fsckLog(async (path) => copy.get(path), [log.verifierKey]);
    t.equal(report.ok, report.problems.length === 0);
    return [...report.problems];
  };
  t.same(await check((copy) => copy.set("checkpoint", before)), []);
  t.same(await check((copy) => copy.delete("tile/0/000")), ["tile/0/000 is missing"]);
  t.match(await check((copy) => copy.delete("tile/entries/001")), [/^entries from 256: /]);
  t.match(await check((copy) => copy.set("tile/1/000.p/2", new Uint8Array(64))), [
    /^tile\/1\/000.p\/2 does not follow/,
  ]);
  const swap = (copy: Map<string, Uint8Array>): void => {
    const bundle = new Uint8Array(copy.get("tile/entries/000") as Uint8Array);
    bundle[5] = (bundle[5] as number) ^ 1;
    copy.set("tile/entries/000", bundle);
  };
  const found = await check(swap);
  t.match(found, [/tile\/0\/000 does not/, /tile\/1\/000/, /^the entries have root/]);
  await t.rejects(
    check((copy) => copy.delete("checkpoint")),
    { code: "NOT_FOUND" },
  );
  await t.rejects(
    check((copy) => copy.set("checkpoint", before.slice(0, -9))),
    { code: "VERIFICATION_FAILED" },
  );
});

tap.test("a log in a folder", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const store = await LogFolder.open(folder);
  const log = await openLog(store);
  await Promise.all(entriesUpTo(255).map((bytes) => log.append(bytes)));
  await log.append(entry(255));
  await log.append(entry(256));
  t.same(
    readdirSync(join(store.publicFolder, "tile/0")).sort(),
    ["000", "001.p"],
    "partials dropped",
  );
  t.equal(readFileSync(join(store.publicFolder, "checkpoint"), "utf8"), log.head().checkpoint);
  const again = await LogFolder.open(folder);
  await inspect(t, again, new Map([[256, entry(256)]]), "folder");
  t.same(readdirSync(join(folder, "stage")), []);
  t.same(readdirSync(join(folder, "drafts")), []);
  await store.publish("tile/0/000", (await store.read("tile/0/000")) as Uint8Array);
  await t.rejects(store.publish("tile/0/000", new Uint8Array(8192)), { code: "LOG_CORRUPT" });
  await t.rejects(store.compareAndSwap("something else", "x"), { code: "CONFLICT" });
  t.throws(() => store.publish("tile/0/../../x", new Uint8Array(1)), { code: "INVALID_ARGUMENT" });
  t.equal(await store.read("../commits/000000000001"), undefined);
  const [one, other] = [await openLog(store), await openLog(again)];
  await one.append(entry(1000));
  await t.rejects(other.append(entry(1001)), { code: "CONFLICT" }, "two processes, one log");
});

tap.test("a process killed at any moment loses and doubles nothing", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const acknowledged = new Map<number, Uint8Array>();
  const keys = join(folder, "keys");
  for (let life = 0; life < 4; life += 1) {
    const child = spawn(process.execPath, [appender, folder, keys, String(life)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const killAfter = 30 + life * 61; // acknowledged entries; the next commits are under way
    for await (const line of createInterface({ input: child.stdout })) {
      const [index, text = ""] = line.split(" ");
      acknowledged.set(Number(index), new TextEncoder().encode(text));
      if (acknowledged.size >= killAfter) child.kill("SIGKILL");
    }
  }
  t.ok(acknowledged.size >= 30 + 3 * 61);
  const logSigner = await loadOrCreateSigner(keys, "log", "ed25519");
  const store = await LogFolder.open(join(folder, "log"));
  const log = await Sequencer.open({ store, signer: logSigner, origin, clock });
  const { size } = log.head();
  const entries = await log.entries(0, size);
  const lost = [...acknowledged].filter(
    ([i, text]) => !equalBytes(entries[i] ?? emptyRoot(), text),
  );
  t.same([lost.length, new Set(entries.map(toHex)).size], [0, size]);
  const report = await fsckLog((path) => store.read(path), [log.verifierKey]);
  t.same([report.ok, report.problems, report.size], [true, [], size]);
});
