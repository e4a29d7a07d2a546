import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { openDurableFolder } from "../src/io/store/durable-folder.js";
import type { JobRecord } from "../src/io/store/records.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { openStateFolder } from "../src/io/store/state-folder.js";
import { failure } from "./failure.js";

const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array | undefined) =>
  content === undefined ? undefined : new TextDecoder().decode(content);
const refused = (expected: string) => ({ name: "QuipuError", code: expected });

const record: JobRecord = {
  id: "job-1",
  position: 1,
  name: "count",
  driver: "hash",
  spec: bytes("{}"),
  specDigest: `sha256:${"a".repeat(64)}`,
  attemptsMax: 3,
  state: "queued",
  runId: "run-1",
  epoch: 1,
  host: "sg-1",
  country: "SG",
  decisionId: "dec-1",
  submittedAtMs: 1,
};

t.test("a durable folder replaces whole files and forgets crashed writes", async (t) => {
  const path = join(root, "durable");
  const folder = await openDurableFolder(path);
  await folder.put("a.json", bytes("one"));
  await folder.put("a.json", bytes("two"));
  await folder.put("b", bytes(""));
  t.equal(text(await folder.get("a.json")), "two");
  t.same(await folder.names(), ["a.json", "b"]);
  await folder.delete("b");
  await folder.delete("b");
  t.equal(await folder.get("b"), undefined);
  writeFileSync(join(path, ".put-1-1"), "half");
  const again = await openDurableFolder(path);
  t.same(readdirSync(path), ["a.json"], "what a crashed put left is gone");
  t.equal(text(await again.get("a.json")), "two");
  for (const name of ["", ".hidden", "../x", "a/b", "x".repeat(201)]) {
    await t.rejects(folder.put(name, bytes("x")), refused("INVALID_ARGUMENT"), name.slice(0, 20));
  }
});

t.test("a state folder has one holder, one kind, and no newer version", async (t) => {
  const path = join(root, "state");
  const held = await openStateFolder(path, { kind: "agent", version: 1 });
  await t.rejects(openStateFolder(path, { kind: "agent", version: 1 }), refused("STATE_LOCKED"));
  await held.close();
  await held.close();
  await t.rejects(openStateFolder(path, { kind: "coordinator", version: 1 }), refused("CONFLICT"));
  await (await openStateFolder(path, { kind: "agent", version: 2 })).close();
  await t.rejects(openStateFolder(path, { kind: "agent", version: 1 }), refused("STATE_NEWER"));
  writeFileSync(join(path, "state.json"), "not json");
  await t.rejects(openStateFolder(path, { kind: "agent", version: 2 }), refused("STATE_NEWER"));
  writeFileSync(join(root, "file"), "");
  const below = join(root, "file", "state");
  const failed = await openStateFolder(below, { kind: "agent", version: 1 }).catch(
    (error: unknown) => error as QuipuError,
  );
  t.ok(failed instanceof QuipuError);
  t.match(failed, { code: "STATE_NOT_WRITABLE", next: /folder/ });
});

t.test("a killed holder lets go at once; a living one does not", async (t) => {
  const path = join(root, "killed");
  const module = pathToFileURL(
    fileURLToPath(new URL("../src/io/store/state-folder.js", import.meta.url)),
  ).href;
  const child = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { openStateFolder } from ${JSON.stringify(module)};
       await openStateFolder(${JSON.stringify(path)}, { kind: "agent", version: 1 });
       process.stdout.write("held"); setInterval(() => {}, 1000);`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  t.teardown(() => child.kill("SIGKILL"));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  await t.rejects(openStateFolder(path, { kind: "agent", version: 1 }), {
    code: "STATE_LOCKED",
    message: new RegExp(`process ${child.pid}`),
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
  const taken = await openStateFolder(path, { kind: "agent", version: 1 });
  await taken.close();
  t.pass("taken over");
});

t.test("a store keeps all of a transaction or none, and refuses a newer schema", async (t) => {
  const path = join(root, "store.db");
  const store = await openCoordinatorStore(path);
  const insert = (id: string, position: number) =>
    store.transact(({ jobs }) => jobs.insert([{ ...record, id, position }]));
  const doomed = () =>
    store.transact(async ({ jobs }) => {
      await jobs.insert([{ ...record, id: "job-half", position: 50 }]);
      throw new Error("half-way");
    });
  const clash = () =>
    store.transact(({ jobs }) =>
      jobs.insert([
        { ...record, id: "job-a", position: 60 },
        { ...record, id: "job-b", position: 1 },
      ]),
    );
  // All of these share one commit; those that fail take nothing of the others with them.
  const outcomes = await Promise.allSettled([
    insert("job-1", 1),
    doomed(),
    clash(),
    insert("job-2", 2),
  ]);
  t.same(
    outcomes.map(({ status }) => status),
    ["fulfilled", "rejected", "rejected", "fulfilled"],
  );
  const run = {
    id: "run-1",
    jobId: "job-1",
    epoch: 1,
    host: "sg-1",
    device: "cpu",
    stage: "assigned",
    instanceId: "",
    receiptKey: new Uint8Array([1, 2]),
    place: { country: "SG", zone: "", site: "private", grade: "claimed" },
    decisionId: "dec-1",
    decisionDigest: record.specDigest,
    policyDigest: record.specDigest,
    assignedAtMs: 5,
  } as const;
  await store.transact(({ runs }) => runs.insert(run));
  const second = { ...run, id: "run-2", jobId: "job-2" };
  const taken = await failure(store.transact(({ runs }) => runs.insert(second)));
  t.equal(taken.code, "CONFLICT", "a device that has a run gets no second one");
  await store.transact(({ runs }) => runs.update("run-1", { stage: "lost", endedAtMs: 9 }));
  await store.transact(({ runs }) => runs.insert(second));
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i} ${"x".repeat(90)}`);
  await store.transact(({ runLogs }) => runLogs.append("run-1", lines, 1_000));
  const kept = await store.runLogs.read("run-1", 0);
  t.ok(kept.lines.join("").length <= 1_000 && kept.lines.at(-1) === lines.at(-1), "newest lines");
  t.same((await store.runLogs.read("run-1", kept.last)).lines, []);
  const many = Array.from({ length: 1_500 }, (_, i) => `${i}`);
  await store.transact(({ runLogs }) => runLogs.append("run-1", many, 100));
  await store.transact(({ runLogs }) => runLogs.append("run-1", ["", "x".repeat(98)], 100));
  t.same((await store.runLogs.read("run-1", 0)).lines, ["", "x".repeat(98)]);
  const leaf = (digit: string) => `sha256:${digit.repeat(64)}` as const;
  t.equal(await store.logIndex.firstGap(), 0);
  await store.transact(async ({ logIndex }) => {
    await logIndex.put(leaf("0"), 0);
    await logIndex.put(leaf("1"), 1);
    await logIndex.put(leaf("5"), 5);
  });
  t.equal(await store.logIndex.firstGap(), 2);
  await store.close();

  const again = await openCoordinatorStore(path);
  const jobs = await again.jobs.list(10, Number.MAX_SAFE_INTEGER);
  t.same(
    jobs.map(({ id }) => id),
    ["job-2", "job-1"],
  );
  t.same(jobs[1], record, "a row is read as it was written");
  t.same(await again.runs.get("run-1"), { ...run, stage: "lost", endedAtMs: 9 });
  await again.close();
  const { default: Database } = await import("libsql");
  const raw = new Database(path);
  raw.exec("insert into kysely_migration (name, timestamp) values ('9999-future', 'x')");
  raw.close();
  t.equal((await failure(openCoordinatorStore(path))).code, "STATE_NEWER");
});

t.test("a full disk keeps the old content and leaves nothing half-written", async (t) => {
  const disk = join(root, "small-disk");
  mkdirSync(disk);
  const module = new URL("../src/io/store/durable-folder.js", import.meta.url).href;
  const script = join(root, "fill.mjs");
  writeFileSync(
    script,
    `import { openDurableFolder } from ${JSON.stringify(module)};
     import { readdirSync } from "node:fs";
     const folder = await openDurableFolder("${disk}/spool");
     await folder.put("run", new TextEncoder().encode("sealed"));
     const full = await folder.put("run", new Uint8Array(1 << 20)).catch((error) => error);
     const other = await folder.put("other", new Uint8Array(1 << 20)).catch((error) => error);
     const kept = new TextDecoder().decode(await folder.get("run"));
     const files = readdirSync("${disk}/spool");
     await folder.put("small", new Uint8Array(10));
     const { code, next } = full;
     console.log(JSON.stringify({ code, other: other.code, next, kept, files }));`,
  );
  // A file system of 64 KiB, in a mount namespace of its own.
  const mount = `mount -t tmpfs -o size=64k tmpfs ${disk} && exec ${process.execPath} ${script}`;
  const child = spawnSync("unshare", ["-rm", "sh", "-c", mount], { encoding: "utf8" });
  if (child.status !== 0 && /unshare|mount/.test(child.stderr ?? "unshare")) {
    t.ok(true, "SKIPPED: this machine lets nobody mount a small file system", { skip: true });
    return;
  }
  t.match(JSON.parse(child.stdout), {
    code: "DISK_FULL",
    other: "DISK_FULL",
    next: /free space/,
    kept: "sealed",
    files: ["run"],
  });
});
