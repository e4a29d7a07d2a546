/** The pure log: official vectors, proofs by property, strict formats. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import tap from "tap";
import { equalBytes, fromBase64, toHex } from "../src/base/bytes.js";
import type { QuipuError } from "../src/base/errors.js";
import { nativeSha256Many } from "../src/compute/native/sha256-many.js";
import { newSigner } from "../src/io/identity/signer.js";
import { appendEntries, emptyEdge, readEdge } from "../src/proof/tlog/append.js";
import { checkConsistency, checkInclusion, checkInclusions } from "../src/proof/tlog/check.js";
import { openCheckpoint, signCheckpoint } from "../src/proof/tlog/checkpoint.js";
import { fsckLog } from "../src/proof/tlog/fsck.js";
import { emptyRoot, leafHash, leftPart, nodeHash } from "../src/proof/tlog/hash.js";
import { formatProofFile, parseProofFile } from "../src/proof/tlog/proof-file.js";
import { LogReader } from "../src/proof/tlog/reader.js";
import { decodeStage, encodeStage } from "../src/proof/tlog/stage.js";
import { decodeEntries, isTilePath, type TileReader, tilePath } from "../src/proof/tlog/tile.js";
import {
  formatVerifierKey,
  parseVerifierKey,
  verifierKeyOf,
} from "../src/proof/tlog/verifier-key.js";

const vectors = "../shared/vectors";
const origin = "log.example.com/quipu";
const signer = newSigner("ed25519");

const entry = (i: number): Uint8Array => new TextEncoder().encode(`entry ${i}`);
const entriesUpTo = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => entry(i));

/** A log of `count` entries, all its files in a map. */
function grow(count: number): { files: Map<string, Uint8Array>; root: Uint8Array } {
  const { files, root } = appendEntries(emptyEdge, entriesUpTo(count));
  return { files: new Map(files.map(({ path, content }) => [path, content])), root };
}

/** As RFC 6962 §2.1 defines it. */
function rootOfEntries(entries: readonly Uint8Array[]): Uint8Array {
  const [first] = entries;
  if (first === undefined) return emptyRoot();
  if (entries.length === 1) return leafHash(first);
  const part = leftPart(entries.length);
  return nodeHash(rootOfEntries(entries.slice(0, part)), rootOfEntries(entries.slice(part)));
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

tap.test("many claims at once hold as each does alone, hashed natively or not", async (t) => {
  const entries = entriesUpTo(1300);
  const { files, root } = grow(1300);
  const reader = new LogReader(async (path) => files.get(path));
  const claims = await Promise.all(
    entries.map(async (bytes, index) => {
      const hashes = await reader.inclusion(index, 1300);
      if (index % 7 === 1) hashes.pop();
      if (index % 7 === 2) hashes.push(root);
      if (index % 7 === 3) hashes[0] = root;
      return { index, size: 1300, leafHash: leafHash(bytes), hashes, root };
    }),
  );
  const each = claims.map((_, i) => ![1, 2, 3].includes(i % 7));
  t.same(checkInclusions(claims), each);
  t.same(claims.map(checkInclusion), each);
  const native = nativeSha256Many();
  t.same(checkInclusions(claims, native), each);
  t.same(
    appendEntries(emptyEdge, entries, native),
    appendEntries(emptyEdge, entries),
    "the same files",
  );
  t.same(await new LogReader(async (path) => files.get(path), native).inclusion(3, 1300), [
    ...(await reader.inclusion(3, 1300)),
  ]);
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
