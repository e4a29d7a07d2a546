/** Which keys speak for hosts: registered, revoked from an entry of the log on, and no more of them than a host needs. */
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { getReceipt } from "../src/coordinator/api/get-receipt.js";
import { layPilotHosts } from "../src/coordinator/burst/hosts.js";
import { ingest } from "../src/coordinator/job/ingest.js";
import { registerKey, revokeKey } from "../src/coordinator/log/host-keys.js";
import type { Done } from "../src/coordinator/log/notices.js";
import type { GetReceiptResponse } from "../src/gen/quipu/v1/log_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { HostRecord } from "../src/io/store/records.js";
import { burstConfig } from "../src/model/burst.js";
import { receiptFiles } from "../src/proof/receipt/bundle.js";
import { entryOf, receiptKeyId } from "../src/proof/receipt/envelope.js";
import { verifyReceipt } from "../src/proof/verify/receipt.js";
import { trustBeside } from "../src/proof/verify/trust.js";
import { CoordinatorWorld, FakeHost, job, places, sealOf } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { noticesOf } from "./notices-of.js";
import { otherSpellings } from "./receipt-vectors.js";

const ecdsa = "ecdsa-p256-sha256";
const call = { signal: new AbortController().signal, peer: "unix" };

t.test(
  "a revoked key counts for nothing from its entry on, and what it signed before stays",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const host = new FakeHost(world);
    const other = new FakeHost(world, "sg-2", "SG", newSigner("ecdsa-p256-sha256"));
    await host.attach();
    await world.advance(300);
    const first = await world.one();
    await host.report(host.seal());
    await other.attach();
    const second = await world.one(job({ name: "second" }));
    const stolen = host.assign;
    t.equal(stolen.jobId, second);
    const { core } = world.coordinator;
    await revokeKey(core, "sg-1", { reason: "the disk was sold" });
    await revokeKey(core, "sg-1", { reason: "twice is once" });
    t.ok(host.closed, "its agent is sent away");
    await world.advance(10);
    t.equal(other.assign.jobId, second, "what ran there runs elsewhere");
    const refused = new FakeHost(world, "sg-1");
    refused.instance = "again";
    await refused.attach();
    t.match(refused.told.at(-1)?.value, { code: "PERMISSION_DENIED", message: /was revoked/ });
    const elsewhere = new FakeHost(world, "sg-3");
    await elsewhere.attach();
    t.match(elsewhere.told.at(-1)?.value, { code: "PERMISSION_DENIED" }, "under no other name");
    await world.start();
    const renewed = new FakeHost(world, "sg-1", "SG", newSigner("ecdsa-p256-sha256"));
    renewed.instance = "renewed";
    await renewed.attach();
    t.equal(renewed.told.at(-1)?.case, "welcome");
    const acts = await noticesOf(world);
    const kinds = acts.map(({ predicate }) => ("kind" in predicate ? predicate.kind : "job-end"));
    t.equal(kinds.filter((kind) => kind === "key.revoke").length, 1);

    const answer = await getReceipt(world.coordinator.core)({ jobId: first } as never, call);
    const { files } = answer as GetReceiptResponse;
    const bundle =
      files.find(({ name }) => name.endsWith(".sigstore.json"))?.content ?? new Uint8Array();
    const trust = trustBeside(files);
    t.equal(trust.revocations?.length, 1, "the folder says that the key was revoked");
    t.ok(verifyReceipt(bundle, trust).ok, "after this receipt");
    const [revocation = new Uint8Array()] = trust.revocations ?? [];
    const { logIndex = 0, ...report } = verifyReceipt(revocation, trust);
    t.match(report, { ok: true, notice: { predicate: { kind: "key.revoke" } } });

    // The thief signs with the old key, and the log (of an operator who helps him) takes it.
    const forged = sealOf(host, stolen).envelope;
    const entry = entryOf(forged, host.signer.publicKey);
    const { index } = await world.log.append(entry);
    t.ok(index > logIndex);
    const log = world.log;
    const late = receiptFiles(
      "late",
      forged,
      host.signer.publicKey,
      await log.inclusion(index),
      log,
    );
    t.match(verifyReceipt(late[0]?.content ?? new Uint8Array(), trust), {
      ok: false,
      firstFailed: { name: "key", text: /was revoked at entry/ },
    });
    const pinned = {
      ...{ ...trust, receiptKeys: [host.signer.publicKey], source: "pinned" as const },
      revocations: [revocation],
    };
    t.ok(verifyReceipt(bundle, pinned).ok, "nor is a revocation passed over where keys are pinned");
    const pinnedLate = verifyReceipt(late[0]?.content ?? new Uint8Array(), pinned);
    t.match(pinnedLate, { firstFailed: { name: "key" } });
    const unknown = verifyReceipt(bundle, { ...pinned, noticeKeys: [] });
    t.match(unknown, { firstFailed: { name: "key", text: /does not verify/ } }, "nor without one");
    const spoiled = Uint8Array.from(revocation);
    spoiled[200] = (spoiled[200] ?? 0) ^ 1;
    const doubtful = { ...trust, revocations: [spoiled] };
    t.match(verifyReceipt(bundle, doubtful), { ok: false, firstFailed: { name: "key" } });
    await world.store.close();
  },
);

t.test("a revoked key stays out, whoever is quick, and whatever becomes of its name", async (t) => {
  const world = await CoordinatorWorld.open();
  const { core } = world.coordinator;
  const [host, twin] = [new FakeHost(world), new FakeHost(world, "sg-2")];
  await host.attach();
  await twin.attach();
  host.leave();
  const again = new FakeHost(world);
  again.instance = "again";
  const keyId = receiptKeyId(host.signer.publicKey);
  await Promise.all([revokeKey(core, "sg-1", { reason: "stolen", keyId }), again.attach()]);
  t.match(again.told.at(-1)?.value, { code: "PERMISSION_DENIED", message: /was revoked/ });
  t.notOk(core.sessions.has("sg-1"));
  t.ok(twin.closed, "whoever has the same key is sent away, too");
  await revokeKey(core, "sg-2", { reason: "a copy of the same disk" });
  const kinds = (await noticesOf(world)).map(
    (one) => "kind" in one.predicate && one.predicate.kind,
  );
  t.equal(kinds.filter((kind) => kind === "key.revoke").length, 1, "it is one key");

  const revokedKeys = [receiptKeyId(host.signer.publicKey)];
  const offer = { name: "cloud", place: places.SG, devices: [{ id: "cpu" }] };
  const provider = { kind: "local" };
  const config = burstConfig.parse({
    version: "quipu.dev/burst/v1",
    offers: [{ ...offer, provider }],
  });
  const kept = await world.store.transact(async (tables) => {
    await layPilotHosts(tables, config, 1);
    const [pilot] = (await tables.hosts.all()).filter((one) => one.offer === "cloud");
    await tables.hosts.put({ ...(pilot as HostRecord), revokedKeys });
    await layPilotHosts(tables, config, 2);
    return await tables.hosts.get(pilot?.name ?? "");
  });
  t.same(kept?.revokedKeys, revokedKeys);
  core.hosts.set("cloud-1", kept as HostRecord);
  t.match(await failure(revokeKey(core, "cloud-1", { reason: "nobody bears it" })), {
    code: "NOT_FOUND",
  });
  await world.store.close();
});

t.test("what a key signed before its revocation comes before it in the log", async (t) => {
  const world = await CoordinatorWorld.open();
  const [host, other] = [new FakeHost(world), new FakeHost(world, "sg-2", "SG", newSigner(ecdsa))];
  await host.attach();
  const { core } = world.coordinator;
  const { store, log } = world;
  const append = log.append.bind(log);
  let isStuck = true;
  const own = Buffer.from(host.signer.publicKey).toString("base64");
  log.append = async (entry) => {
    if (isStuck && Buffer.from(entry).toString().includes(own)) {
      throw new QuipuError("UNAVAILABLE", "the log is full");
    }
    return await append(entry);
  };
  const early = await world.one();
  await host.report(host.seal());
  t.equal(await world.state(early), "succeeded", "accepted, and not in the log");
  const late = await world.one(job({ name: "late" }));
  const { runId } = host.assign;
  const update = host.seal();
  const { transact } = store;
  store.transact = async (work) => {
    const done = await transact(work);
    store.transact = transact; // the revocation is written, and nobody has been told yet
    await ingest(core, "sg-1", update);
    return done;
  };
  await revokeKey(core, "sg-1", { reason: "the disk was sold" });
  t.equal((await store.receipts.get(runId))?.stage, "evidence", "what comes after it is refused");
  await other.attach();
  await world.advance(300);
  t.equal(other.assign.jobId, late, "and its job runs elsewhere");
  for (let tick = 0; tick < 3; tick += 1) await world.advance(300);
  const staged = await store.notices.staged(9);
  t.equal(staged.length, 1, "it waits for the receipts of the key, and others do not wait for it");
  isStuck = false;
  await world.advance(300);
  await world.advance(300);
  const revoked = (await noticesOf(world)).at(-1);
  t.match(revoked?.predicate, { kind: "key.revoke" });
  const answer = await getReceipt(core)({ jobId: early } as never, call);
  const { files, logIndex } = answer as GetReceiptResponse;
  const trust = trustBeside(files);
  const report = verifyReceipt(files[0]?.content ?? new Uint8Array(), trust);
  t.ok(report.ok, JSON.stringify(report.firstFailed));
  const [revocation = new Uint8Array()] = trust.revocations ?? [];
  t.ok((verifyReceipt(revocation, trust).logIndex ?? 0) > Number(logIndex));
  await world.store.close();
});

t.test("any key that a host has had can be revoked, and no other", async (t) => {
  const world = await CoordinatorWorld.open();
  const [first, second] = [
    new FakeHost(world),
    new FakeHost(world, "sg-1", "SG", newSigner(ecdsa)),
  ];
  await first.attach();
  const jobId = await world.one();
  const [former, present] = [first, second].map(({ signer }) => receiptKeyId(signer.publicKey));
  second.instance = "renewed";
  first.leave();
  await second.attach([first.assign]);
  await world.start();
  await second.attach([first.assign]);
  const { core } = world.coordinator;
  const strange = { reason: "no", keyId: "0".repeat(64) };
  t.match(await failure(revokeKey(core, "sg-1", strange)), { code: "NOT_FOUND" });
  t.notOk(core.revokedKeys.has(strange.keyId));
  const { revokedKeys } = await revokeKey(core, "sg-1", { reason: "a backup", keyId: former });
  t.same(revokedKeys, [former]);
  t.notOk(second.closed, "its present key counts as before");
  await world.advance(10);
  t.equal((await world.job(jobId)).epoch, 2, "what the former was granted is granted anew");
  const again = new FakeHost(world, "sg-9");
  await again.attach();
  t.match(again.told.at(-1)?.value, { code: "PERMISSION_DENIED", message: /was revoked/ });
  await revokeKey(core, "sg-1", { reason: "and this" });
  t.ok(second.closed);
  const acts = (await noticesOf(world)).filter(({ subject }) => subject[0].name === "host sg-1");
  const revoked = acts.flatMap(({ predicate }) =>
    "kind" in predicate && predicate.kind === "key.revoke" ? [predicate.details.keyId] : [],
  );
  t.same(revoked, [former, present]);
  await world.store.close();
});

t.test("so can the key of a host that a version before knew, which kept no list", async (t) => {
  const world = await CoordinatorWorld.open();
  const before = new FakeHost(world);
  await before.attach();
  before.leave();
  await world.store.transact(async ({ hosts }) => {
    const { newKeys: _, ...known } = (await hosts.get("sg-1")) as HostRecord;
    await hosts.put(known);
  });
  await world.start();
  const host = new FakeHost(world, "sg-1", "SG", newSigner(ecdsa));
  host.instance = "renewed";
  await host.attach();
  const keyId = receiptKeyId(before.signer.publicKey);
  const { core } = world.coordinator;
  const { revokedKeys } = await revokeKey(core, "sg-1", { reason: "a backup", keyId });
  t.same(revokedKeys, [keyId]);
  await world.store.close();
});

t.test(
  "a revoked key does not come back under another spelling, nor the coordinator's own at all",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const host = new FakeHost(world);
    await host.attach();
    await revokeKey(world.coordinator.core, "sg-1", { reason: "stolen" });
    for (const [what, receiptKey] of Object.entries(otherSpellings(host.signer.publicKey))) {
      await host.attach([], { receiptKey });
      t.match(host.told.at(-1)?.value, { code: "INVALID_ARGUMENT", message: /receipt key/ }, what);
    }
    const copy = new FakeHost(world, "sg-3", "SG", newSigner(ecdsa));
    const honest = new FakeHost(world, "sg-2", "SG", copy.signer);
    await honest.attach();
    await copy.attach();
    const { core } = world.coordinator;
    const shared = await failure(revokeKey(core, "sg-3", { reason: "it lies" }));
    t.match(
      shared,
      { code: "CONFLICT", message: /sg-2 has too/ },
      "a key is public, and so is a lie",
    );
    const keyId = receiptKeyId(copy.signer.publicKey);
    t.ok((await revokeKey(core, "sg-3", { reason: "it lies", keyId })).revokedKeys);
    const { publicKey } = core.ports.noticeSigner;
    await host.attach([], { receiptKey: publicKey });
    t.match(host.told.at(-1)?.value, { code: "PERMISSION_DENIED", message: /coordinator's own/ });
    await world.store.close();
  },
);

t.test("a host that comes with ever new keys is refused", async (t) => {
  const world = await CoordinatorWorld.open();
  const comes = async (name: string) => {
    const host = new FakeHost(world, name, "SG", newSigner(ecdsa));
    host.instance = `${Math.random()}`;
    await host.attach();
    host.leave();
    return host.told.at(-1);
  };
  for (let key = 0; key < 8; key += 1) t.equal((await comes("sg-1"))?.case, "welcome");
  const refused = await comes("sg-1");
  t.match(refused?.value, { code: "LIMIT_EXCEEDED", message: /8 new receipt keys within a day/ });
  t.equal((await comes("sg-2"))?.case, "welcome", "others are not concerned");
  t.equal((await noticesOf(world)).length, 9, "what is refused is no entry of the log");
  world.nowMs += 24 * 60 * 60 * 1000;
  t.equal((await comes("sg-1"))?.case, "welcome");
  await world.store.transact(async ({ hosts }) => {
    const known = (await hosts.get("sg-1")) as HostRecord;
    const newKeys = Array.from({ length: 256 }, (_, i) => ({ keyId: `${i}`, atMs: i }));
    await hosts.put({ ...known, newKeys });
  });
  t.match((await comes("sg-1"))?.value, { code: "LIMIT_EXCEEDED", message: /has had 256/ });
  await world.store.close();
});

t.test("who bears a free pilot's name has replaced no key", async (t) => {
  const done: Done[] = [];
  const notices = { did: async (_: unknown, one: Done) => void done.push(one) };
  const world = { clock: { wallMs: () => 1 } };
  const free = { name: "pilot-1", place: places.SG, receiptKey: new Uint8Array() };
  const borne = { ...free, receiptKey: Uint8Array.of(1) };
  const register = (before: object, host: object) =>
    registerKey({ notices, ports: world } as never, {} as never, before as never, host as never);
  await register(free, borne);
  await register(borne, borne);
  await register(borne, { ...free, receiptKey: Uint8Array.of(2) });
  const replaced = done.map(({ details }) => details.replaces);
  t.same(replaced, [undefined, receiptKeyId(Uint8Array.of(1))]);
});
