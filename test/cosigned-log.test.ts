/** A log that asks its witnesses, in one process and as a fleet. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { stopDaemon } from "../src/cli/service/daemon.js";
import { askNobody, CosignedLog, shownCheckpoint } from "../src/coordinator/log/cosigned-log.js";
import { newSigner } from "../src/io/identity/signer.js";
import { Witness } from "../src/io/witness/witness.js";
import { checkInclusion } from "../src/proof/tlog/check.js";
import { leafHash } from "../src/proof/tlog/hash.js";
import { parseNote, verifyNote } from "../src/proof/tlog/note.js";
import { Sequencer } from "../src/proof/tlog/sequencer.js";
import { parseTrustPolicy } from "../src/proof/tlog/trust-policy.js";
import { formatVerifierKey, verifierKeyOf } from "../src/proof/tlog/verifier-key.js";
import { type CheckpointRequest, formatRequest } from "../src/proof/tlog/witness.js";
import { logKey, logSigner, origin } from "./forged-log.js";
import { type LogDisk, MemoryLogStore, newLogDisk } from "./memory-log-store.js";
import { type Answer, program, RealFleet } from "./real-fleet.js";

const clock = { wallMs: () => 1_800_000_000_500, bootMs: () => 0 };

const entry = (text: string) => new TextEncoder().encode(text);

/** A log on a disk in memory, and three witnesses of which two are enough; they can be away, or hang. */
function witnessedWorld() {
  const keys = [1, 2, 3].map((_, at) => {
    const signer = newSigner("ed25519");
    return { signer, key: verifierKeyOf(signer, `w${at}.example`, "witness") };
  });
  const witnesses = keys.map(({ signer, key: { name } }) => {
    const kept = new Map<string, Uint8Array>();
    const folder = {
      get: async (file: string) => kept.get(file),
      put: async (file: string, bytes: Uint8Array) => void kept.set(file, bytes),
    };
    return new Witness({ name, signer, logs: [logKey], folder, clock, observe: () => {} });
  });
  const policyText = keys
    .map(({ key }, at) => `witness w${at} ${formatVerifierKey(key)} http://${at}`)
    .concat("group two 2 w0 w1 w2", "quorum two", "")
    .join("\n");
  const faults = { away: new Set<number>(), hanging: new Set<number>(), hung: 0 };
  const troubles: string[] = [];
  const by = {
    policy: parseTrustPolicy(policyText),
    policyText,
    ask: async ({ url }: { url: string }, request: CheckpointRequest) => {
      const at = Number(url.slice("http://".length));
      if (faults.hanging.has(at)) {
        faults.hung += 1;
        return await new Promise<never>(() => {});
      }
      if (faults.away.has(at)) throw new QuipuError("UNAVAILABLE", `witness ${at} is away`);
      const answer = await (witnesses[at] as Witness).addCheckpoint(formatRequest(request));
      return answer.kind === "cosigned" ? { line: answer.lines } : { size: answer.size };
    },
    onTrouble: ({ message }: QuipuError) => void troubles.push(message),
  };
  const known = keys.map(({ key }) => key);
  const signersOf = (note: string) =>
    verifyNote(parseNote(note), known)
      .map(({ key }) => key.name)
      .sort();
  const disk = newLogDisk();
  const openOn = async (disk: LogDisk, whom = by) => {
    const store = new MemoryLogStore(disk);
    const log = await Sequencer.open({ store, signer: logSigner, origin, clock });
    return await CosignedLog.open(log, new MemoryLogStore(disk), whom);
  };
  return { by, disk, faults, openOn, policyText, signersOf, troubles };
}

/** Also those that answer after there are enough. */
async function askAll(log: CosignedLog): Promise<void> {
  await log.step();
  await delay(20);
}

t.test("a log asks its witnesses, and waits for none of them", async (t) => {
  const { disk, faults, openOn, signersOf, troubles } = witnessedWorld();
  const { away } = faults;
  const log = await openOn(disk);
  await log.step();
  t.match(
    new TextDecoder().decode(disk.files.get("cosigned")),
    /\n0\n/,
    "nobody is asked of nothing",
  );
  await log.append(entry("one"));
  const bare = (await log.inclusion(0)).checkpoint;
  t.same(signersOf(bare), [], "acknowledged before anyone cosigns");
  await Promise.all([askAll(log), askAll(log)]);
  const first = await log.inclusion(0);
  t.same(signersOf(first.checkpoint), ["w0.example", "w1.example", "w2.example"]);

  away.add(0).add(1);
  await log.append(entry("two"));
  await log.step();
  await log.step();
  t.same(troubles, ["witness 0 is away", "witness 1 is away"], "each fault is told once");
  t.equal((await log.inclusion(0)).size, 1, "an old entry has its cosigned proof still");
  t.same(signersOf((await log.inclusion(1)).checkpoint), []);
  away.delete(0);
  await askAll(log);
  const second = await log.inclusion(1);
  t.same(signersOf(second.checkpoint), ["w0.example", "w2.example"], "two of three are enough");
  t.ok(checkInclusion({ ...second, leafHash: leafHash(entry("two")) }));

  away.clear();
  const restarted = await openOn(disk);
  t.equal((await restarted.inclusion(1)).checkpoint, second.checkpoint, "a restart knows it");
  await restarted.append(entry("three"));
  await askAll(restarted);
  t.equal(signersOf((await restarted.inclusion(2)).checkpoint).length, 3, "led on from any size");

  faults.hanging.add(2); // it never answers again, and nobody waits for it
  await restarted.append(entry("four"));
  await restarted.step();
  await restarted.append(entry("five"));
  await restarted.step();
  const signers = signersOf((await restarted.inclusion(4)).checkpoint);
  t.same(signers, ["w0.example", "w1.example"]);
  t.equal(faults.hung, 1, "it is asked nothing more until it answers");
});

t.test("a checkpoint of another policy, or of an older copy of the log, is none", async (t) => {
  const { by, disk, openOn, policyText, signersOf, troubles } = witnessedWorld();
  const log = await openOn(disk);
  for (const text of ["one", "two", "three"]) await log.append(entry(text));
  await askAll(log);
  const shown = () => new TextDecoder().decode(disk.files.get("cosigned"));
  t.equal(signersOf(shown()).length, 3);
  const stranger = verifierKeyOf(newSigner("ed25519"), "w9.example", "witness");
  const other = `${policyText.replace("quorum two", "")}witness w9 ${formatVerifierKey(stranger)}\nquorum w9\n`;
  await openOn(disk, { ...by, policy: parseTrustPolicy(other), policyText: other });
  t.same(signersOf(shown()), [], "what another policy took for enough is not shown for this one");
  t.match(shown(), /\n3\n/);

  const copy = newLogDisk(); // an older copy of the log that goes on as if nothing had been
  const lost = await openOn(copy);
  await lost.append(entry("one"));
  troubles.length = 0;
  await lost.step();
  await lost.step();
  t.same(
    troubles.map((text) => /seen this log at size 3/.test(text)),
    [true, true, true],
    "each says so once, and nothing else",
  );
  t.match(new TextDecoder().decode(copy.files.get("cosigned")), /\n0\n/, "as it was at first");
});

t.test("no checkpoint is followed by an older one, whoever is asked for how long", async (t) => {
  const { disk, faults, openOn, signersOf } = witnessedWorld();
  const { away } = faults;
  const read = async (path: string) => disk.files.get(path);
  const seen: { size: number; signers: number }[] = [];
  const look = async () => {
    const note = new TextDecoder().decode(await shownCheckpoint(read));
    seen.push({ size: Number(note.split("\n")[1]), signers: signersOf(note).length });
    return seen.at(-1);
  };
  const alone = async () => {
    const store = new MemoryLogStore(disk);
    const log = await Sequencer.open({ store, signer: logSigner, origin, clock });
    await look(); // it answers before it leads
    await askNobody(store);
    return log;
  };
  const grow = async (log: { append: Sequencer["append"] }, entries: number) => {
    for (let added = 0; added < entries; added += 1) {
      await log.append(entry(`${disk.files.size} ${added}`));
      await look();
    }
  };
  for (let time = 0; time < 3; time += 1) {
    const bare = await alone();
    await grow(bare, 3);
    const { size } = bare.head();
    t.same(await look(), { size, signers: 0 }, "without witnesses the newest is shown");
    away.add(0).add(1);
    const log = await openOn(disk);
    await grow(log, 2);
    await askAll(log);
    t.same(await look(), { size, signers: 0 }, "until there are enough it stays as it was");
    away.clear();
    await grow(log, 1);
    await askAll(log);
    t.same(await look(), { size: size + 3, signers: 3 });
    await grow(log, 2);
    const again = await openOn(disk);
    t.same(await look(), { size: size + 3, signers: 3 }, "a restart goes on with the cosigned one");
    await grow(again, 1);
  }
  const sizes = seen.map(({ size }) => size);
  t.same(
    sizes,
    [...sizes].sort((a, b) => a - b),
  );
});

t.test("who asks while witnesses are asked for again gets nothing older afterwards", async (t) => {
  const files = new Map([["checkpoint", "10"]]);
  const bytes = (text = "") => new TextEncoder().encode(text);
  const asked = shownCheckpoint(async (path) => {
    const found = bytes(files.get(path));
    // The leader shows what is newest then, and goes on.
    if (path === "checkpoint") files.set("cosigned", "10").set("checkpoint", "13");
    return found;
  });
  const shown = new TextDecoder().decode(await asked);
  t.equal(shown, "10");
});

t.test("a fleet whose log is witnessed, on real processes", async (t) => {
  const fleet = new RealFleet();
  t.teardown(() => fleet.close());
  await fleet.startCoordinator();
  const { verifierKey, tilesUrl } = (await fleet.quipu("log", "head")).json;
  const folder = join(fleet.folder, "w");
  const witness = spawn(process.execPath, [
    program("quipu"),
    ...["witness", "-o", "json", "--name", "w1.example", "--state", folder, "--log", verifierKey],
  ]);
  t.teardown(() => witness.kill());
  const line = (await once(witness.stdout, "data")).toString();
  const { key, url } = JSON.parse(line);
  const policy = join(fleet.folder, "trust.policy");
  writeFileSync(policy, `log ${verifierKey}\nwitness w1 ${key} ${url}\nquorum w1\n`);
  await stopDaemon(fleet.daemon("coordinator"));
  await fleet.startCoordinator("coordinator", ["--witnesses", policy]);
  await fleet.startAgent("sg-1", "SG", "private");
  const job = join(fleet.folder, "job.yaml");
  writeFileSync(job, "version: quipu.dev/v1\nname: nothing\ntask: { driver: hash }\n");
  const ran = await fleet.quipu("run", job);
  t.equal(ran.code, 0, ran.stderr);
  const receipts = join(fleet.folder, "receipts");
  let report: Answer | undefined;
  for (let tries = 0; tries < 100 && report?.code !== 0; tries += 1) {
    const { id } = (await fleet.quipu("job", "ls")).json.jobs[0];
    const shown = await fleet.quipu("receipt", "show", id, "--to", receipts);
    t.equal(shown.code, 0, shown.stderr);
    report = await fleet.quipu("verify", shown.json.file);
    t.equal(report.code === 0, shown.json.witnesses === undefined);
    if (report.code === 0) continue;
    t.match(report.json.receipts[0].firstFailed, { name: "witnesses", text: /nobody cosigned it/ });
    await delay(100);
  }
  t.equal(report?.code, 0, JSON.stringify(report));
  const { file, checks } = report?.json.receipts[0] ?? {};
  const found = checks.find(({ name }: { name: string }) => name === "witnesses");
  t.match(found, { ok: true, text: /cosigned by w1\.example at 20/ });
  const stranger = formatVerifierKey(verifierKeyOf(newSigner("ed25519"), "w1.example", "witness"));
  const other = join(fleet.folder, "other.policy");
  writeFileSync(other, `witness w1 ${stranger}\nquorum w1\n`);
  t.equal(
    (await fleet.quipu("verify", file, "--witnesses", other)).code,
    6,
    "of a stranger's choice",
  );

  const head = (await fleet.quipu("log", "head")).json;
  const watch = ["log", "monitor", head.tilesUrl, "--key", verifierKey, "--once", "--state"];
  const seen = join(fleet.folder, "seen");
  t.match(await fleet.quipu(...watch, seen), {
    code: 0,
    json: { kind: "grown", size: Number, added: Number },
  });
  t.match(await fleet.quipu(...watch, seen), { code: 0, json: { kind: "grown", added: 0 } });
  t.not(tilesUrl, "");
});
