/** What `quipu data` keeps of a folder, what it finds out about it again, and what it refuses to believe. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { canonicalJson } from "../src/base/canonical-json.js";
import { QuipuError } from "../src/base/errors.js";
import type { Context } from "../src/cli/context.js";
import { action as addAction } from "../src/cli/data/add.js";
import { compareFolder } from "../src/cli/data/compare-folder.js";
import { parseManifest } from "../src/cli/data/manifest-file.js";
import { Output } from "../src/cli/output.js";
import { hashTree } from "../src/compute/native/hashing.js";
import { manifestDigest, manifestSizeBytes } from "../src/model/manifest.js";
import { pathsIn, runIn, Sink } from "./cli-run.js";
import { failure } from "./failure.js";

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const data = (...argv: string[]) => runIn(folder, ["data", ...argv]);
/** What `add` said beside its result. */
const notes = new Sink();

/** `quipu data add` against a coordinator that takes everything, or nothing. */
async function add(source: string, name: string, options: object = {}, coordinator = takesAll) {
  const [stdout, stderr] = [new Sink(), notes];
  const output = new Output({
    json: false,
    quiet: false,
    color: false,
    verbose: false,
    stdout,
    stderr,
  });
  const { signal } = new AbortController();
  const context = { output, paths: pathsIn(folder), signal, coordinator } as unknown as Context;
  const asked = { name, class: "public", owner: "me", countries: "", ...options };
  return addAction(context, { args: [source], options: asked });
}
const takesAll = async () => ({
  dataSets: { addDataSet: async ({ dataSet }: { dataSet: object }) => ({ dataSet }) },
});
const takesNothing = async () => ({
  dataSets: { addDataSet: () => Promise.reject(new QuipuError("ALREADY_EXISTS", "taken")) },
});

/** A folder whose files sort otherwise by their parts than by their bytes, and its manifest. */
function lay(name: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, "a"), { recursive: true });
  for (const file of ["a.csv", "a/b", "ä"]) writeFileSync(join(path, file), file);
  return path;
}

t.test("data manifest: a document that others can check", async (t) => {
  const source = lay("documented");
  const to = join(folder, "documented.json");
  const told = JSON.parse((await data("manifest", source, "--to", to, "-o", "json")).stdout);
  const bytes = readFileSync(to);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  t.same(told.document, { path: to, format: "quipu", digest, files: 3, sizeBytes: 10 });
  const { manifest } = await hashTree(source);
  t.same(JSON.parse(bytes.toString()), manifest);
  t.equal(digest, manifestDigest(manifest));
  t.equal((await data("manifest", source)).stdout, `${bytes}\n`, "the same on stdout");
  t.match(await data("manifest", source, "--to", join(source, "m")), {
    code: 1,
    stderr: /INVALID_ARGUMENT.*become a file/,
  });
  t.match(await data("manifest", join(folder, "absent")), { code: 1, stderr: /NOT_FOUND/ });

  mkdirSync(join(source, ".git"));
  writeFileSync(join(source, ".git", "HEAD"), "ref");
  const answer = await data("manifest", `${source}/`, "--format", "model-signing");
  t.match(answer.stderr, /left out.* 1 files? of git's/);
  const { _type, subject, predicateType, predicate } = JSON.parse(answer.stdout);
  t.equal(_type, "https://in-toto.io/Statement/v1");
  t.equal(predicateType, "https://model_signing/signature/v1.0");
  const { serialization, resources } = predicate;
  const ignore_paths = [".git", ".gitattributes", ".github", ".gitignore"];
  t.same(serialization, {
    method: "files",
    hash_type: "sha256",
    allow_symlinks: false,
    ignore_paths,
  });
  // Part by part "a" comes before "a.csv"; the bytes of the paths have it the other way round.
  const want = ["a/b", "a.csv", "ä"].map((name) => ({
    name,
    algorithm: "sha256",
    digest: createHash("sha256").update(name).digest("hex"),
  }));
  t.same(resources, want);
  const root = createHash("sha256");
  for (const { digest } of want) root.update(Buffer.from(digest, "hex"));
  t.same(subject, [{ name: "documented", digest: { sha256: root.digest("hex") } }]);
  for (const name of ["a.csv", "a/b", "ä"]) rmSync(join(source, name));
  t.match(await data("manifest", source, "--format", "model-signing"), {
    code: 1,
    stderr: /DATA_INVALID/,
  });
});

t.test(
  "data manifest --to: links lead on, and what cannot be written is said at once",
  async (t) => {
    const source = lay("written");
    const odd = lay("unhashable");
    symlinkSync("a.csv", join(odd, "link"));
    const place = (name: string) => join(folder, `place-${name}`);
    writeFileSync(place("file"), "old", { mode: 0o640 });
    symlinkSync("place-file", place("link"));
    symlinkSync("nowhere", place("nowhere"));
    symlinkSync(join(source, "a.csv"), place("inside"));
    mkdirSync(place("folder"));
    execFileSync("mkfifo", [place("pipe")]);
    t.equal((await data("manifest", source, "--to", place("link"))).code, 0);
    t.ok(lstatSync(place("link")).isSymbolicLink(), "the link stays");
    t.equal(statSync(place("file")).mode & 0o777, 0o640, "and the permissions");
    t.match(readFileSync(place("file"), "utf8"), /^{"entries"/);
    // Hashing this folder would fail with another error.
    const refused = async (path: string, stderr: RegExp) =>
      t.match(await data("manifest", odd, "--to", path), { code: 1, stdout: "", stderr }, path);
    for (const path of [place("folder"), place("pipe"), "/dev/null", ""]) {
      await refused(path, /^INVALID_ARGUMENT .* is no regular file\n {2}next: /);
    }
    await refused(place("nowhere"), /^NOT_FOUND {2}cannot write .*nowhere: no such file/);
    await refused(
      join(place("absent"), "m"),
      /^NOT_FOUND {2}cannot write .*absent\/m: no such file/,
    );
    t.match(await data("manifest", source, "--to", place("inside")), {
      code: 1,
      stderr: /INVALID_ARGUMENT.*become a file/,
    });
    await t.rejects(add(odd, "odd", { manifest: "/dev/null" }), { code: "INVALID_ARGUMENT" });
  },
);

t.test("data add keeps the manifest, data verify reads what was written since", async (t) => {
  const source = lay("kept");
  const copy = join(folder, "kept-copy.json");
  t.equal(await add(source, "kept", { manifest: copy }), 0);
  const home = join(folder, "data-sets", "kept");
  const bytes = readFileSync(join(home, "manifest.json"));
  t.same(readFileSync(copy), bytes);
  t.equal(statSync(join(home, "manifest.json")).mode & 0o777, 0o600);
  await t.rejects(add(lay("other"), "kept", {}, takesNothing), { code: "ALREADY_EXISTS" });
  t.same(readFileSync(join(home, "manifest.json")), bytes, "what was refused replaces nothing");

  const verify = async (...argv: string[]) => {
    const { code, stdout } = await data("verify", ...argv, "-o", "json");
    const { differences = [], ...rest } = JSON.parse(stdout);
    const kinds = differences.map(({ kind, path }: Record<string, string>) => `${kind} ${path}`);
    return { code, ...rest, kinds };
  };
  const factsPath = join(home, "facts.json");
  const facts = () => JSON.parse(readFileSync(factsPath, "utf8"));
  /** As if the last look had been long after the last write. */
  const later = () =>
    writeFileSync(factsPath, JSON.stringify({ ...facts(), recordedNs: `${2n ** 62n}` }));
  const changedNs = Math.max(...facts().files.map((line: string) => Number(line.split(" ")[4])));
  writeFileSync(factsPath, JSON.stringify({ ...facts(), recordedNs: `${changedNs + 1e9}` }));
  t.match(
    await verify("kept"),
    { code: 0, equal: true, readFiles: 3, name: "kept" },
    "too fresh to be trusted",
  );
  later();
  t.match(await verify("kept"), { code: 0, readFiles: 0, readBytes: 0, folder: source });
  later();
  t.match(await verify(source), { code: 0, readFiles: 0, name: "kept" }, "found by its folder");
  later();
  t.match(await verify(source, "--manifest", copy), { code: 0, readFiles: 0, name: "kept" });
  later();
  const together = await Promise.all([1, 2, 3, 4].map(() => data("verify", "kept", "--full")));
  t.same(
    together.map(({ code, stderr }) => [code, stderr]),
    Array(4).fill([0, ""]),
    "at once",
  );
  t.match(await verify("kept", "--full"), { code: 0, readFiles: 3 });
  later();
  writeFileSync(join(source, "a.csv"), "a.csv"); // the same bytes, newly written
  t.match(await verify("kept"), { code: 0, readFiles: 1, readBytes: 5 });

  writeFileSync(join(source, "a.csv"), "A.csv");
  t.match(await verify("kept"), { code: 6, equal: false, kinds: ["changed a.csv"] });
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(join(source, "a.csv"), { bigint: true });
  const files = [[dev, ino, size, mtimeNs, ctimeNs].join(" "), ...facts().files.slice(1)];
  writeFileSync(factsPath, JSON.stringify({ ...facts(), files, recordedNs: `${2n ** 62n}` }));
  t.match(await verify("kept"), { code: 0, readFiles: 0 }, "facts that lie are believed");
  later();
  t.match(
    await verify("kept", "--full"),
    { code: 6, kinds: ["changed a.csv"] },
    "but not by --full",
  );
  const sound = facts();
  const elsewhere = lay("elsewhere");
  for (const broken of ["{", "{}", JSON.stringify({ ...sound, files: ["1 2"] })]) {
    writeFileSync(factsPath, broken);
    t.match(await data("verify", "kept"), { code: 1, stderr: /NOT_FOUND.*kept lies is not known/ });
    t.match(await data("verify", source), {
      code: 1,
      stderr: /kept\/facts.json cannot be read: it was passed over\nNOT_FOUND .*no manifest of/,
    });
    const other = await verify(elsewhere, "--manifest", copy);
    t.match(other, { code: 0, readFiles: 3, name: null }, "no folder becomes the data set's");
    t.equal(readFileSync(factsPath, "utf8"), broken);
  }
  writeFileSync(join(source, "a.csv"), "a.csv");
  await add(source, "kept");
  t.match(await verify("kept"), { code: 0, name: "kept" }, "until it is added again");
  const manifestDigest = `sha256:${"0".repeat(64)}`;
  writeFileSync(factsPath, JSON.stringify({ ...facts(), manifestDigest }));
  await add(source, "kept");
  t.match(notes.text, `manifest kept so far is replaced: ${manifestDigest}\n`);
  writeFileSync(factsPath, JSON.stringify({ ...facts(), manifestDigest }));
  const noted = {
    code: 0,
    stdout: /read 3 of 3/,
    stderr: `kept names another manifest, ${manifestDigest}`,
  };
  t.match(await data("verify", "kept"), noted);
  later();
  t.match(await verify("kept"), { code: 0, readFiles: 0 }, "and put right");
});

t.test("data verify notices what is written while it reads", async (t) => {
  const source = lay("moving");
  const { manifest } = await hashTree(source);
  const { signal } = new AbortController();
  const changedNs = () => statSync(join(source, "a.csv"), { bigint: true }).ctimeNs;
  const before = changedNs();
  const rewrite = (): void => {
    while (changedNs() === before) writeFileSync(join(source, "a.csv"), "a.csv"); // a tick of the clock
  };
  const compared = compareFolder(source, manifest, { signal, onProgress: rewrite });
  t.match(await failure(compared), { code: "DATA_CHANGED" });
  const appear = (): void => writeFileSync(join(source, "new"), "");
  t.match(await failure(compareFolder(source, manifest, { signal, onProgress: appear })), {
    code: "DATA_CHANGED",
  });
});

t.test("data verify says what changed, is missing, was added", async (t) => {
  const source = lay("differing");
  const to = join(folder, "differing.json");
  await data("manifest", source, "--to", to);
  t.equal((await data("verify", source, "--manifest", to)).code, 0);
  rmSync(join(source, "a"), { recursive: true });
  writeFileSync(join(source, "a.csv"), "longer than it was");
  writeFileSync(join(source, "ä"), "ö");
  writeFileSync(join(source, "new\nline"), "");
  symlinkSync("ä", join(source, "li\u001b[2Jnk\nOK"));
  writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.of(0xff)]), "");
  const answer = await data("verify", source, "--manifest", to);
  t.equal(answer.code, 6);
  t.equal(
    answer.stdout,
    `changed     a.csv  (18 bytes, not 5)
changed     ä  (other bytes, as many)
missing     a/b  (it is not there)
added       li\\u{1b}[2Jnk\\u{a}OK  (it is a symbolic link, not a regular file)
added       new\\u{a}line  (the manifest does not know it)
added       \ufffd  (the manifest does not know it)
`,
  );
  t.match(answer.stderr, /^VERIFICATION_FAILED {2}.*2 changed, 1 missing, 3 added\n {2}next: /);
  const view = JSON.parse((await data("verify", source, "--manifest", to, "--json")).stdout);
  t.match(view.differences.at(-1), { kind: "added", path: "\ufffd", pathHex: "ff" });
  const named = await data("manifest", source);
  t.equal(named.stderr.split("\n").length, 3, "no name begins a line of an error");
  t.match(named.stderr, /^DATA_INVALID {2}.*li\\u\{1b\}\[2Jnk\\u\{a\}OK is a symbolic link/);
  t.match(await data("verify", source), { code: 1, stderr: /NOT_FOUND.*no manifest/ });
  t.match(await data("verify", "no-such-name"), { code: 1, stderr: /NOT_FOUND/ });
});

t.test("data verify calls unreadable what lies in a folder that it may not read", async (t) => {
  const source = lay("closed");
  const to = join(folder, "closed.json");
  await data("manifest", source, "--to", to);
  chmodSync(join(source, "a"), 0o000);
  chmodSync(join(source, "a.csv"), 0o000);
  chmodSync(folder, 0o755);
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65_534); // whom permissions hold back
  const answer = await data("verify", source, "--manifest", to);
  const hashed = await runIn(folder, ["hash", source]);
  if (root) process.seteuid?.(0);
  chmodSync(join(source, "a"), 0o755);
  for (const name of ["a", "a.csv"])
    t.match(hashed.stderr, ` ${source}/${name}: Permission denied`);
  t.equal(answer.code, 6);
  t.equal(
    answer.stdout,
    `unreadable  a  (cannot read it: Permission denied)
unreadable  a.csv  (cannot open it: Permission denied)
unreadable  a/b  (a folder above it cannot be read)
`,
  );
});

t.test("a manifest is checked before anything is believed of it", async (t) => {
  const { manifest } = await hashTree(lay("sound"));
  const [first, second] = manifest.entries;
  if (first === undefined || second === undefined) throw new Error("no entries");
  const { signal } = new AbortController();
  const text = canonicalJson(manifest);
  const read = (value: unknown) =>
    parseManifest(
      Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
      "m",
      signal,
    );
  for (const good of [text, `${text}\n`]) {
    t.same(await read(good), { manifest, digest: manifestDigest(manifest) });
  }
  t.equal(manifestSizeBytes(manifest.entries), text.length + 1, "known before; ä is two bytes");
  const entry = (change: object) => ({ ...manifest, entries: [{ ...first, ...change }] });
  const version = '"version":"quipu.dev/manifest/v1"';
  const faults: readonly (readonly [unknown, RegExp])[] = [
    ["", /not JSON/],
    ["[]", /expected object/],
    [` ${text}`, /not canonical/],
    [`${text}\n\n`, /not canonical/],
    [`\ufeff${text}`, /not canonical/],
    [manifest, /not canonical/],
    [text.replace(version, `${version},${version}`), /not canonical/],
    [text.replace('"path":"a', '"path":"b","path":"a'), /not canonical/],
    [text.replace('"path":"a', '"path":"\\u0061'), /not canonical/],
    [text.replace('"sizeBytes":5', '"sizeBytes":5.0'), /not canonical/],
    [{ ...manifest, note: "" }, /Unrecognized key: "note"/],
    [{ ...manifest, version: "v2" }, /version: /],
    [{ ...manifest, entries: {} }, /entries: .*array/],
    [{ ...manifest, merkleRoot: first.sha256 }, /not that of its entries/],
    [{ ...manifest, entries: [first, first] }, /entries\[1\].*repeats/],
    [{ ...manifest, entries: [second, first] }, /entries\[1\].*order/],
    [entry({ note: 1 }), /entries\[0\]: Unrecognized key/],
    [entry({ sha256: first.sha256.toUpperCase() }), /entries\[0\].sha256: must be 64/],
    [entry({ blake3: "" }), /blake3: must be 64/],
    [entry({ sizeBytes: -1 }), /sizeBytes/],
    [entry({ sizeBytes: 2 ** 53 }), /sizeBytes/],
    [entry({ sizeBytes: "1" }), /sizeBytes/],
  ];
  const outside = [
    "",
    "/etc/passwd",
    "../x",
    "a/../b",
    "a//b",
    "./a",
    "a/",
    "a\0b",
    "\ud800",
    "x".repeat(4096),
  ];
  const paths = outside.map((path) => [entry({ path }), /path: must be a path inside/] as const);
  for (const [value, why] of [...faults, ...paths]) {
    const error = await failure(read(value));
    t.match(error, { code: "DATA_INVALID", message: why }, String(why));
  }
  const many = Array.from({ length: 1_000_001 }, () => 0);
  t.match(await failure(read({ ...manifest, entries: many })), { code: "LIMIT_EXCEEDED" });
});

t.test("data add: what laws ask about the data is read from a file", async (t) => {
  const source = lay("stated");
  const terms = join(folder, "terms.yaml");
  writeFileSync(terms, "origin: SG\npersons: 7\npurposes: [care]\n");
  t.equal(await add(source, "stated", { terms }), 0);
  writeFileSync(terms, "origin: sg\ninstruments:\n  - mechanism: handshake\n    untill: x\n");
  t.match(await failure(add(source, "stated", { terms })), {
    code: "INVALID_ARGUMENT",
    message: new RegExp(
      ["terms.yaml:1:9: origin", "3:16: instruments.0.mechanism", "4:13: unknown key"]
        .map((text) => `[^]*${text}`)
        .join(""),
    ),
  });
  writeFileSync(terms, "origin: SG\n---\norigin: CL\n");
  await t.rejects(add(source, "stated", { terms }), { message: /2 documents, not one/ });
});
