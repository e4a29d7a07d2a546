/** The log's writer: what it answers, and what is left when any step of it breaks. */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import tap from "tap";
import { equalBytes, toHex } from "../src/base/bytes.js";
import type { QuipuError } from "../src/base/errors.js";
import { loadOrCreateSigner, newSigner } from "../src/io/identity/signer.js";
import { LogFolder, publishedFiles } from "../src/io/store/log-folder.js";
import { queuedEntriesMax } from "../src/proof/tlog/append-queue.js";
import { checkInclusion } from "../src/proof/tlog/check.js";
import { openCheckpoint } from "../src/proof/tlog/checkpoint.js";
import { fsckLog } from "../src/proof/tlog/fsck.js";
import { emptyRoot, leafHash } from "../src/proof/tlog/hash.js";
import { LogReader } from "../src/proof/tlog/reader.js";
import { Sequencer } from "../src/proof/tlog/sequencer.js";
import { crashesMissing, type Fault, LogCrashes, type Step } from "./log-crashes.js";
import { clock, entriesUpTo, entry, inspect, logInStorage, openLog, origin } from "./log-suite.js";
import { MemoryLogStore, newLogDisk, type WriteStep } from "./memory-log-store.js";

const appender = fileURLToPath(new URL("fixtures/log-appender.js", import.meta.url));

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

tap.test("a slow disk fills the queue to its limit and no further", async (t) => {
  const store = new MemoryLogStore();
  const log = await openLog(store);
  store.stage = () => new Promise<void>(() => undefined); // a disk that never answers
  const waiting = entriesUpTo(queuedEntriesMax).map((bytes) => log.append(bytes));
  t.equal(log.append(entry(0)), waiting[0], "one that waits already needs no place");
  await t.rejects(log.append(entry(queuedEntriesMax)), { code: "UNAVAILABLE" });
  t.equal(log.head().size, 0);
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
  await logInStorage(t, () => LogFolder.open(folder));
  const store = await LogFolder.open(folder);
  t.same(readdirSync(join(store.publicFolder, "tile/0")).sort(), ["000", "001.p"]);
  t.match(readFileSync(join(store.publicFolder, "checkpoint"), "utf8"), `${origin}\n258\n`);
  t.same(readdirSync(join(folder, "stage")), []);
  t.same(readdirSync(join(folder, "drafts")), []);
});

tap.test("cut files and a folder that was set back are refused by name", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const log = await openLog(await LogFolder.open(folder));
  await Promise.all(entriesUpTo(300).map((bytes) => log.append(bytes)));
  const old = join(folder, "old");
  cpSync(join(folder, "commits"), old, { recursive: true });
  await log.append(entry(300));
  const inPublic = (path: string) => join(folder, "public", path);
  const cut = async (path: string, check: () => Promise<unknown>): Promise<void> => {
    const whole = readFileSync(inPublic(path));
    writeFileSync(inPublic(path), whole.subarray(0, -5));
    await check();
    writeFileSync(inPublic(path), whole);
  };
  const reader = new LogReader(publishedFiles(join(folder, "public")));
  const corrupt = (message: RegExp) => ({ code: "LOG_CORRUPT", message });
  await cut("tile/0/000", () =>
    t.rejects(reader.inclusion(3, 301), corrupt(/tile\/0\/000 has 8187 bytes where 8192 are due/)),
  );
  await cut("tile/entries/000", () =>
    t.rejects(reader.entries(3, 4, 301), corrupt(/does not hold exactly 256 entries/)),
  );
  await cut("tile/0/001.p/45", async () => {
    await t.rejects(openLog(await LogFolder.open(folder)), corrupt(/tile\/0\/001.p\/45 has 1435/));
  });
  await cut("checkpoint", async () => {
    await t.rejects(openLog(await LogFolder.open(folder)), { code: "VERIFICATION_FAILED" });
  });
  rmSync(join(folder, "commits"), { recursive: true });
  renameSync(old, join(folder, "commits"));
  await t.rejects(
    openLog(await LogFolder.open(folder)),
    corrupt(/published more than the 300 entries that are committed/),
  );
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

const aimsMax = 5;
/**
 * Threads wake each other by writes, and how often depends on chance when many calls are under way. Of each
 * kind the first few are one at a time, so that an aim there seldom misses.
 */
const untilManyAtOnce = 3;

/** One of each kind of step, each fault in turn. */
tap.test("each kind of durable step fails in a real process", async (t) => {
  const missing = crashesMissing();
  if (missing !== undefined) return void t.pass(missing, { skip: missing });
  const crashes = new LogCrashes();
  t.teardown(() => crashes.close());
  const kinds = new Map<string, Step[]>();
  for (const step of await crashes.steps()) {
    kinds.set(step.kind, [...(kinds.get(step.kind) ?? []), step]);
  }
  t.ok(kinds.size >= 20, `${kinds.size} kinds of step`);
  const turns: Fault[] = ["KILL", "EIO", "ENOSPC+", "EIO+", "ENOSPC"];
  for (const [i, [kind, steps]] of [...kinds].entries()) {
    const step = steps[Math.min(steps.length >> 1, untilManyAtOnce)] as Step;
    const fault = turns[i % turns.length] as Fault;
    let struck: string | undefined;
    for (let aim = 0; struck !== kind && aim < aimsMax; aim += 1) {
      const outcome = await crashes.strike(step, fault);
      t.same(outcome.problems, [], `${fault} at ${kind}`);
      struck = outcome.struck;
    }
    t.equal(struck, kind, `${fault} struck`);
  }
});

tap.test("a full disk costs nothing that was acknowledged, and the log goes on", async (t) => {
  const skip = process.getuid?.() === 0 ? "" : "only root may mount a small disk";
  if (skip !== "") return void t.pass(skip, { skip });
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  const mount = (...options: string[]) => spawnSync("mount", [...options, folder]).status === 0;
  const isMounted = mount("-t", "tmpfs", "-o", "size=1m", "tmpfs");
  t.teardown(() => {
    if (isMounted) spawnSync("umount", [folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  if (!isMounted) return void t.pass("no small disk", { skip: "it cannot be mounted here" });
  const log = await openLog(await LogFolder.open(folder));
  const acknowledged = new Map<number, Uint8Array>();
  const refused: string[] = [];
  while (refused.length < 3) {
    const bytes = new Uint8Array(randomBytes(40_000));
    await log.append(bytes).then(
      ({ index }) => acknowledged.set(index, bytes),
      (error: QuipuError) => refused.push(error.code),
    );
  }
  t.ok(acknowledged.size > 2);
  t.same(refused, ["DISK_FULL", "DISK_FULL", "DISK_FULL"]);
  t.same(readdirSync(join(folder, "drafts")), [], "a full disk does not stay full of drafts");
  t.ok(mount("-o", "remount,size=8m"));
  const { index } = await log.append(entry(0));
  acknowledged.set(index, entry(0));
  await inspect(t, await LogFolder.open(folder), acknowledged, "with room again");
});
