/** A restore drill: a coordinator is backed up at work, lost, made anew, and its log goes on. */
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import type { QuipuError } from "../src/base/errors.js";
import { makeBackup } from "../src/coordinator/backup/backup.js";
import { linesOf } from "../src/coordinator/backup/backup-folder.js";
import { restoreBackup } from "../src/coordinator/backup/restore.js";
import { openArtifactStore } from "../src/io/artifact/store.js";
import { parseRow, rowText } from "../src/io/store/row-text.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { fillStore, readSnapshot } from "../src/io/store/store-copy.js";
import { failure } from "./failure.js";
import { PostgresServer } from "./postgres-server.js";
import { type Answer, packageRoot, program, RealFleet } from "./real-fleet.js";

const server = await PostgresServer.start();
const fleet = new RealFleet();
t.setTimeout(300_000);
t.teardown(async () => {
  await fleet.close();
  await server?.close();
});
const at = (name: string): string => join(fleet.folder, name);
const manifest = join(packageRoot, "examples", "digits", "manifest.yaml");

/** `quipu-coordinator` with these words and `--json`. */
function copy(...args: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program("coordinator"), ...args, "--json"],
      (error, out, stderr) => {
        const json = out === "" ? undefined : JSON.parse(out);
        resolve({ code: error === null ? 0 : Number(error.code), json, stderr });
      },
    );
  });
}

const backup = (to: string, from: string, store = "", artifacts = "") => {
  const options = { target: at(to), stateFolder: at(from), store, sharedFolder: "", artifacts };
  return makeBackup({ ...options, program: "test", nowMs: 1e12 });
};
interface More {
  readonly seen?: string;
  readonly store?: string;
  readonly artifacts?: string;
}
/** Entries of the log besides receipts: the first rules, a host's key, and a data set. */
const acts = 3;
const restore = (from: string, to: string, more: More = {}) => {
  const kept = { stateFolder: at(to), sharedFolder: "", store: "", seen: "", artifacts: "" };
  mkdirSync(kept.stateFolder, { recursive: true });
  return restoreBackup({ ...kept, source: at(from), ...more });
};

/** The bundles of the receipts that were saved, by name. */
const bundles = new Map<string, string>();

/** Runs a job and saves its receipt under this name. */
async function runOne(receipt: string): Promise<string> {
  const run = await fleet.quipu("run", manifest);
  t.equal(run.code, 0, run.stderr);
  const [{ id }] = run.json.jobs;
  const shown = await fleet.quipu("receipt", "show", id, "--to", at(receipt));
  t.equal(shown.code, 0, shown.stderr);
  bundles.set(receipt, shown.json.file);
  return id;
}

const bundleOf = (receipt: string): string => bundles.get(receipt) ?? "";
const proofOf = (receipt: string): string =>
  bundleOf(receipt).replace(".sigstore.json", ".tlog-proof");

t.test("a coordinator is made anew from a backup, and its log does not fork", async (t) => {
  t.equal((await failure(backup("early", "nobody"))).code, "NOT_FOUND");
  await fleet.startCoordinator();
  fleet.layData("sg-1", "digits");
  await fleet.startAgent("sg-1", "SG", "private");
  const data = join(fleet.dataFolder("sg-1"), "digits");
  await fleet.quipu("data", "add", data, "--name", "digits", "--class", "public");
  const first = await runOne("receipt-1");
  t.match(await backup("old", "coordinator"), {
    log: { size: acts + 1 },
    rows: { jobs: 1, receipts: 1 },
  });
  t.equal(statSync(at("old")).mode & 0o077, 0, "there are keys in it");
  await runOne("receipt-2");
  const put = await fleet.quipu("artifact", "put", manifest);
  t.equal(put.code, 0, put.stderr);
  const blobs = ["--artifacts", at("blobs")];
  const made = await copy("backup", at("new"), "--state", at("coordinator"), ...blobs);
  const expected = { log: { size: acts + 2 }, rows: { jobs: 2 }, artifacts: { count: 1 } };
  t.match(made, { code: 0, json: expected }, "beside a live one");
  t.equal((await failure(backup("new", "coordinator"))).code, "ALREADY_EXISTS");

  const live = await copy("restore", at("new"), "--state", at("coordinator"));
  t.match(live, { code: 1, json: { error: { code: "STATE_LOCKED" } } });
  await fleet.kill("coordinator");
  t.equal((await failure(restore("new", "coordinator"))).code, "CONFLICT", "nothing is replaced");
  const stale = await failure(restore("old", "stale", { seen: proofOf("receipt-2") }));
  t.match(stale, { code: "CONFLICT", message: /5 entries; this backup has 4/ });
  t.notOk(existsSync(join(at("stale"), "coordinator.db")), "and nothing was made");
  const seen = ["--seen", proofOf("receipt-2")];
  const back = await copy("restore", at("new"), "--state", at("again"), ...seen, ...blobs);
  t.match(back, { code: 0, json: { log: { size: acts + 2 }, rows: { jobs: 2, receipts: 2 } } });

  // At the old address, with the old agent: the next job is the next entry.
  await fleet.startCoordinator("again");
  t.equal((await fleet.quipu("job", "ls")).json.jobs.length, 2);
  await runOne("receipt-3");
  const listed = await fleet.quipu("artifact", "ls");
  t.match(listed.json.artifacts, [{ digest: put.json.artifact.digest }], "blobs are there too");
  t.match(await fleet.quipu("log", "head"), { json: { size: acts + 3 } });
  t.match(await fleet.quipu("log", "fsck"), { code: 0, json: { ok: true } });
  for (const receipt of ["receipt-1", "receipt-2", "receipt-3"]) {
    const verified = await fleet.quipu("verify", bundleOf(receipt));
    t.match(verified, { code: 0, json: { ok: true } }, `${receipt} verifies offline`);
  }
  const shown = await fleet.quipu("receipt", "show", first);
  t.equal(shown.code, 0, "what was before the loss is known");

  // Into the other kind of database and back, whatever was kept of the log stays true.
  await backup("third", "again");
  const leaves = readFileSync(join(at("third"), "store", "log_leaves.jsonl"), "utf8").split("\n");
  const order = leaves.slice(0, -1).map((line) => JSON.parse(line).log_index);
  t.same(order, [0, 1, 2, 3, 4, 5], "in the order of the log, so that a restore reads it once");
  for (const receipt of ["receipt-1", "receipt-2", "receipt-3"]) {
    const there = await restore("third", `from-${receipt}`, { seen: proofOf(receipt) });
    t.match(there, { log: { size: acts + 3 } }, `the log goes on from ${receipt}`);
  }
  if (server === undefined) {
    t.ok(true, "SKIPPED: PostgreSQL is not installed (Debian: postgresql-15)", { skip: true });
    return;
  }
  const store = server.newDatabase();
  await restore("third", "moved", { store });
  t.equal((await failure(restore("third", "twice", { store }))).code, "CONFLICT", "not empty");
  await backup("fourth", "moved", store);
  for (const path of filesOf("third")) {
    if (path === "backup.json" || path.startsWith("store/leaders")) continue;
    const same = readFileSync(join(at("third"), path)).equals(
      readFileSync(join(at("fourth"), path)),
    );
    t.ok(same, `${path} is the same after it was in PostgreSQL`);
  }
  await fleet.kill("again");
  await fleet.startCoordinator("moved", ["--store", store]);
  await runOne("receipt-4");
  t.match(await fleet.quipu("log", "fsck"), { code: 0, json: { ok: true, size: acts + 4 } });
  await backup("fifth", "moved", store);
  const home = await restore("fifth", "home", { seen: proofOf("receipt-4") });
  t.match(home, { log: { size: acts + 4 } }, "out of a live PostgreSQL");
});

function filesOf(backup: string): string[] {
  const found = readdirSync(at(backup), { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(at(backup).length + 1));
}

t.test("a backup that was changed, or does not fit together, is refused", async (t) => {
  const spoiled = (name: string, change: (folder: string) => void): Promise<QuipuError> => {
    cpSync(at("third"), at(name), { recursive: true });
    change(at(name));
    return failure(restore(name, `${name}-state`));
  };
  const rewrite = (folder: string, path: string, content: Uint8Array): void => {
    writeFileSync(join(folder, path), content);
    const backup = JSON.parse(readFileSync(join(folder, "backup.json"), "utf8"));
    const file = backup.files.find((one: { path: string }) => one.path === path);
    Object.assign(file, { digest: digestOf(content), sizeBytes: content.length });
    writeFileSync(join(folder, "backup.json"), JSON.stringify(backup));
  };
  const bit = await spoiled("bit", (folder) => {
    const path = join(folder, "store", "jobs.jsonl");
    const bytes = readFileSync(path);
    bytes[9] = (bytes[9] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  });
  t.match(bit, { code: "DIGEST_MISMATCH", message: /store\/jobs.jsonl/ });
  const behind = await spoiled("behind", (folder) => {
    cpSync(join(at("old"), "log"), join(folder, "log"), { recursive: true });
    rewrite(folder, "log/checkpoint", readFileSync(join(at("old"), "log", "checkpoint")));
  });
  t.match(behind, { code: "VERIFICATION_FAILED", message: /the log of this backup has 4/ });
  const forged = await spoiled("forged", (folder) => {
    const path = "log/tile/entries/000.p/6";
    const bytes = readFileSync(join(folder, path));
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    rewrite(folder, path, bytes);
  });
  t.match(forged, { code: "LOG_CORRUPT" });
  t.notOk(existsSync(join(at("forged-state"), "keys")), "nobody could go on from it");
  const other = await spoiled("other", (folder) => {
    cpSync(join(folder, "keys", "grants.key.pem"), join(folder, "keys", "log.key.pem"));
    rewrite(folder, "keys/log.key.pem", readFileSync(join(folder, "keys", "grants.key.pem")));
  });
  t.match(other, { code: "DATA_INVALID" }, "a key of another kind");
  const later = await spoiled("later", (folder) => {
    const text = readFileSync(join(folder, "backup.json"), "utf8");
    writeFileSync(join(folder, "backup.json"), text.replace("backup/v1", "backup/v2"));
  });
  t.match(later, { code: "STATE_NEWER" });
  mkdirSync(at("unfinished"));
  t.equal((await failure(restore("unfinished", "none"))).code, "NOT_FOUND");
  for (const words of [
    ["backup", "--state", "x"],
    ["restore", "a"],
  ]) {
    const { code, stderr } = await copy(...words);
    t.match({ code, stderr }, { code: 2, stderr: /next: write: quipu-coordinator/ });
  }
});

t.test("blobs go by digest into a folder that backups share", async (t) => {
  const own = await openArtifactStore(join(at("again"), "artifacts"));
  let held = 0;
  for await (const _ of own.list()) held += 1;
  const [one, two] = [await own.keep(Uint8Array.of(1)), await own.keep(Uint8Array.of(2))];
  t.match(await backup("sixth", "again", "", at("shared-blobs")), {
    artifacts: { count: held + 2 },
  });
  const copies = storePathsOf(at("shared-blobs"));
  const written = statSync(copies(one.digest)).ino;
  rmSync(copies(two.digest)); // as if the copy had been cut short before it
  const three = await own.keep(Uint8Array.of(3));
  const later = await backup("seventh", "again", "", at("shared-blobs"));
  t.match(later, { artifacts: { count: held + 3 } });
  t.equal(statSync(copies(one.digest)).ino, written, "what is there is not copied again");
  t.ok(existsSync(copies(two.digest)) && existsSync(copies(three.digest)), "it goes on");
  await own.remove(three.digest);

  const artifacts = at("shared-blobs");
  const old = await restore("sixth", "of-sixth", { artifacts });
  t.equal(old.artifacts?.count, held + 2);
  const back = await openArtifactStore(join(at("of-sixth"), "artifacts"));
  t.match(await back.stat(two.digest), { sizeBytes: 1 });
  t.equal(await back.stat(three.digest), undefined, "those that the backup names, and no other");

  rmSync(copies(two.digest));
  const short = await failure(restore("seventh", "short", { artifacts }));
  t.match(short, { code: "NOT_FOUND", message: new RegExp(two.digest) });
  writeFileSync(copies(two.digest), Uint8Array.of(9));
  const rotten = await failure(restore("seventh", "short", { artifacts }));
  t.match(rotten, { code: "DIGEST_MISMATCH", message: /was damaged/ });
  t.notOk(
    existsSync(join(at("short"), "coordinator.db")),
    "before there is anything to go on from",
  );
  rmSync(copies(two.digest));
  await backup("eighth", "again", "", artifacts);
  const again = await restore("seventh", "short", { artifacts });
  t.equal(again.artifacts?.count, held + 3, "a restore that was cut short goes on");
  const none = await failure(restore("third", "none", { artifacts }));
  t.match(none, { code: "NOT_FOUND", message: /without its artifacts/ });
  t.equal(
    (await failure(restore("sixth", "none", { artifacts: at("nowhere") }))).code,
    "NOT_FOUND",
  );
});

function storePathsOf(folder: string): (digest: string) => string {
  return (digest) => {
    const hex = digest.slice("sha256:".length);
    return join(folder, "sha256", hex.slice(0, 2), hex);
  };
}

t.test("a backup of an earlier schema becomes a store of today's", async (t) => {
  const step = "0001-jobs-runs-receipts";
  const path = at("earlier.db");
  const host = {
    name: "sg-1",
    facts: "{}",
    inventory: Uint8Array.of(1),
    receipt_key: Uint8Array.of(2),
  };
  await fillStore(path, step, async ({ tables, insert }) => {
    t.ok(tables.includes("hosts") && !tables.includes("policy_sets"), "as they were then");
    await insert("hosts", Readable.from([rowText({ ...host, last_seen_at_ms: 5 })]));
  });
  const again = await failure(fillStore(path, step, async () => undefined));
  t.match(again, { code: "CONFLICT", message: /rows in hosts/ });
  t.equal(
    (await failure(fillStore(at("none.db"), "9999-later", async () => undefined))).code,
    "STATE_NEWER",
  );
  const seen = await readSnapshot(path, async ({ schema, tables }) => ({ schema, tables }));
  t.match(seen, { schema: step, tables: ["jobs", "runs", "hosts"] }, "reading changes nothing");
  const store = await openCoordinatorStore(path);
  t.equal((await store.hosts.all()).length, 1);
  t.same(await store.policySets.newest(), undefined, "later tables are there");
  await store.close();
});

t.test("a row is the same text from every database", async (t) => {
  const row = { id: "a", bytes: Uint8Array.of(0, 255), none: null, count: 7, text: '{"base64":1}' };
  t.same(parseRow(rowText(row)), row);
  t.equal(rowText({ b: Buffer.from("x") }), rowText({ b: Uint8Array.of(120).buffer }));
  t.throws(() => parseRow("[]"), { code: "DATA_INVALID" });
  const line = rowText({ line: "a\u2028b\u2029c\r\nd" }); // a run may log anything
  writeFileSync(at("lines.jsonl"), `${line}\n${line}\n`);
  const lines: string[] = [];
  for await (const one of linesOf(fleet.folder, "lines.jsonl")) lines.push(one);
  t.same(lines, [line, line], "and one line of a backup");
});
