/** What the coordinator itself signs: ends of jobs that no host could sign for, and acts of operators. */
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import { canonicalBytes } from "../src/base/canonical-json.js";
import { QuipuError } from "../src/base/errors.js";
import { getReceipt } from "../src/coordinator/api/get-receipt.js";
import { listActs } from "../src/coordinator/api/list-acts.js";
import { layPilotHosts } from "../src/coordinator/burst/hosts.js";
import { setQuota } from "../src/coordinator/dispatch/quotas.js";
import { cordonHost, uncordonHost } from "../src/coordinator/host/cordon.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { ingest } from "../src/coordinator/job/ingest.js";
import { registerKey, revokeKey } from "../src/coordinator/log/host-keys.js";
import { type Done, Notices } from "../src/coordinator/log/notices.js";
import type { GetReceiptResponse, ListActsResponse } from "../src/gen/quipu/v1/log_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { HostRecord, NoticeRecord } from "../src/io/store/records.js";
import { burstConfig } from "../src/model/burst.js";
import type { JobEnd, Notice } from "../src/model/notice.js";
import { quota } from "../src/model/quota.js";
import { receiptFiles } from "../src/proof/receipt/bundle.js";
import {
  entryOf,
  parseEnvelope,
  receiptKeyId,
  sealPayload,
} from "../src/proof/receipt/envelope.js";
import { actNotice, jobEndNotice, noticeBytes, parsePayload } from "../src/proof/receipt/notice.js";
import { verifyReceipt } from "../src/proof/verify/receipt.js";
import { trustBeside } from "../src/proof/verify/trust.js";
import { CoordinatorWorld, FakeHost, job, places, sealOf, times } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { otherSpellings } from "./receipt-vectors.js";

const ecdsa = "ecdsa-p256-sha256";
const call = { signal: new AbortController().signal, peer: "unix" };

async function noticesOf(world: CoordinatorWorld): Promise<readonly (Notice & { id: string })[]> {
  await world.advance(300);
  t.same(await world.store.notices.staged(9), [], "all of them are in the log");
  const records = await world.store.notices.logged(0, 1000);
  return records.map(({ id, envelope }: NoticeRecord) => {
    const stated = parsePayload(parseEnvelope(envelope).payload);
    if ("notice" in stated) return { ...stated.notice, id };
    throw new Error("no notice");
  });
}

/** The end of this job as the coordinator tells it, verified as a stranger would. */
async function endOf(world: CoordinatorWorld, jobId: string): Promise<JobEnd["predicate"]> {
  await world.advance(300);
  const answer = await getReceipt(world.coordinator.core)({ jobId } as never, call);
  const { files } = answer as GetReceiptResponse;
  const bundle = files.find(({ name }) => name.endsWith(".sigstore.json"));
  const report = verifyReceipt(bundle?.content ?? new Uint8Array(), trustBeside(files));
  t.ok(report.ok, JSON.stringify(report.firstFailed));
  t.equal(report.statement, undefined);
  const predicate = report.notice?.predicate;
  if (predicate !== undefined && "job" in predicate) return predicate;
  throw new Error("not the end of a job");
}

t.test("whatever ends a job without a host is signed by the coordinator", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  const [refused, waiting] = await world.submit(
    job({ dataSet: "people", placement: { countries: ["DE"] } }),
    job({ owner: "lab" }),
  );
  await host.attach();
  await world.advance(300);
  t.equal(await world.state(refused ?? ""), "refused");
  const refusal = await endOf(world, refused ?? "");
  t.match(refusal, { outcome: "refused", attempts: 0, job: { id: refused, owner: "local" } });
  t.equal(refusal.lastRun, undefined);
  const record = await world.job(refused ?? "");
  const decision = await world.store.decisions.get(record.decisionId);
  const named = refusal.decision?.digest.sha256;
  t.equal(`sha256:${named}`, digestOf(decision?.content ?? new Uint8Array()));

  const { runId } = host.assign;
  t.equal(host.assign.jobId, waiting);
  await host.running();
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await world.advance(times.leaseMs + times.leaseMarginMs + 10);
    await host.attach();
  }
  t.equal(await world.state(waiting ?? ""), "lost");
  const loss = await endOf(world, waiting ?? "");
  t.match(loss, {
    outcome: "lost",
    attempts: 3,
    job: { owner: "lab" },
    lastRun: { country: "SG" },
  });
  t.not(loss.lastRun?.id, runId, "the last of several");

  host.leave();
  await world.advance(300);
  const first = await world.one(job({ name: "first", dataSet: "people" }));
  const after = await world.one(job({ after: [first] }));
  await cancelJob(world.coordinator.core, first, "not any more");
  t.match(await endOf(world, first), { outcome: "cancelled", reason: "not any more", attempts: 0 });
  t.match(await endOf(world, after), { failure: { code: "DEPENDENCY_FAILED" } });
  t.equal(await world.receiptEntries(), 0, "no host has signed anything");
  await world.store.close();
});

t.test("a job that a host has signed for has no notice", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  const id = await world.one();
  await cancelJob(world.coordinator.core, id, "stop");
  await host.report(host.seal("cancelled"));
  t.equal(await world.state(id), "cancelled");
  const ends = (await noticesOf(world)).filter(({ predicate }) => "job" in predicate);
  t.same(ends, []);
  t.equal(await world.receiptEntries(), 1);
  await world.store.close();
});

t.test("acts are logged in the transaction that does them, and after a crash", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  await host.attach();
  const { core } = world.coordinator;
  await cordonHost(core, "sg-1", { reason: "new fans", drainMs: 1000 });
  await uncordonHost(core, "sg-1");
  await setQuota(core, "lab", quota.parse({ owner: "lab", weight: 3 }));
  t.equal((await failure(cordonHost(core, "nobody", { reason: "" }))).code, "NOT_FOUND");
  await world.start(); // nothing of it was in the log yet
  await world.coordinator.core.notices.bring();
  const other = new FakeHost(world, "sg-1", "SG", newSigner("ecdsa-p256-sha256"));
  other.instance = "second";
  await world.advance(times.leaseMs * 2);
  await other.attach();
  await setQuota(world.coordinator.core, "lab", undefined);
  const acts = await noticesOf(world);
  const own = receiptKeyId(host.signer.publicKey);
  t.match(
    acts.map(({ predicate }) => ("kind" in predicate ? [predicate.kind, predicate.details] : [])),
    [
      ["key.register", { host: "sg-1", keyId: own }],
      ["host.cordon", { host: "sg-1", reason: "new fans", drainAt: /^2027/ }],
      ["host.uncordon", { host: "sg-1" }],
      ["quota.set", { owner: "lab", quota: /"weight":3/ }],
      ["key.register", { keyId: receiptKeyId(other.signer.publicKey), replaces: own }],
      ["quota.remove", { owner: "lab" }],
    ],
    "each once, and what was not found was not done",
  );
  t.equal(acts[0]?.subject[0].digest.sha256, own);
  await world.store.close();
});

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

t.test("notices wait for each other, so that none gather behind one that fails", async (t) => {
  const signer = newSigner("ecdsa-p256-sha256");
  const staged = ["first", "second"].map((name) => {
    const head = { coordinator: "log.example", at: "2026-01-02T03:04:05.000Z", id: `act-${name}` };
    const act = actNotice({ ...head, kind: "quota.set", details: {} }, { name });
    return { id: head.id, envelope: sealPayload(noticeBytes(act), signer), key: signer.publicKey };
  });
  const logged: unknown[] = [];
  const tables = {
    notices: {
      staged: async () => staged,
      setLogged: async (...given: unknown[]) => void logged.push(given),
    },
  };
  const store = { ...tables, transact: (work: (given: object) => unknown) => work(tables) };
  let release = (_: number): void => undefined;
  const slow = new Promise<number>((resolve) => {
    release = resolve;
  });
  const appends = [Promise.reject(new QuipuError("UNAVAILABLE", "the log is full")), slow];
  const notices = new Notices({ store } as never, { append: () => appends.shift() } as never);
  let isOver = false;
  const brought = failure(notices.bring()).finally(() => {
    isOver = true;
  });
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
  t.notOk(isOver, "the second is under way");
  release(7);
  t.match(await brought, { message: "the log is full" });
  t.same(logged, [["act-second", 7]]);
});

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

t.test("acts are listed a page at a time, however many ends of jobs stand between", async (t) => {
  const signer = newSigner(ecdsa);
  const head = { coordinator: "log.example", at: "2026-01-02T03:04:05.000Z" };
  const end = jobEndNotice({
    ...head,
    job: { id: "job-1", owner: "lab", digest: `sha256:${"a".repeat(64)}` },
    outcome: "lost",
    attempts: 1,
  });
  const sealed = (notice: Notice) => sealPayload(noticeBytes(notice), signer);
  const act = (name: string) =>
    sealed(actNotice({ ...head, id: "act-1", kind: "host.cordon", details: {} }, { name }));
  const [ends, sg, de] = [sealed(end), act("host sg-1"), act("host de-1")];
  const records = Array.from({ length: 5_000 }, (_, at) => {
    const envelope = at < 200 ? sg : at === 4_000 ? de : ends;
    return { id: `${at}`, stage: "logged", envelope, key: signer.publicKey, logIndex: at * 2 };
  });
  const logged = async (first: number, limit: number) =>
    records.filter(({ logIndex }) => logIndex >= first).slice(0, limit);
  const core = { ports: { store: { notices: { logged } } } } as never;
  const list = async (asked: object) => {
    const found: number[] = [];
    let pages = 0;
    for (let firstIndex: bigint | undefined = 0n; firstIndex !== undefined; pages += 1) {
      const given = { kind: "", about: "", firstIndex, ...asked } as never;
      const page = (await listActs(core)(given, call)) as ListActsResponse;
      found.push(...page.acts.map(({ logIndex }) => Number(logIndex) / 2));
      firstIndex = page.nextIndex;
    }
    return { found, pages };
  };
  const first = Array.from({ length: 200 }, (_, at) => at);
  t.same((await list({})).found, [...first, 4_000]);
  t.same((await list({ about: "sg-1" })).found, first);
  t.same(await list({ about: "host de-1" }), { found: [4_000], pages: 5 });
  t.same((await list({ kind: "quota.set" })).found, []);
  const beyond = listActs(core)({ firstIndex: -1n } as never, call) as Promise<unknown>;
  t.equal((await failure(beyond)).code, "INVALID_ARGUMENT");
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

t.test("a notice that breaks a rule is refused", async (t) => {
  const good = jobEndNotice({
    coordinator: "log.example",
    at: "2026-01-02T03:04:05.000Z",
    job: { id: "job-1", owner: "lab", digest: `sha256:${"a".repeat(64)}` },
    outcome: "lost",
    attempts: 3,
  });
  const signer = newSigner("ecdsa-p256-sha256");
  const reads = (value: object) => {
    const { payload } = parseEnvelope(sealPayload(canonicalBytes(value), signer));
    return () => parsePayload(payload);
  };
  t.same(parsePayload(noticeBytes(good)), { notice: good });
  const { predicate } = good;
  for (const [what, wrong] of Object.entries({
    "another subject": { ...good, subject: [{ name: "job", digest: { sha256: "b".repeat(64) } }] },
    "an unknown field": { ...good, predicate: { ...predicate, extra: 1 } },
    "an outcome that hosts sign": { ...good, predicate: { ...predicate, outcome: "succeeded" } },
    "no attempts": { ...good, predicate: { ...predicate, attempts: undefined } },
    "a time of another form": { ...good, predicate: { ...predicate, at: "2026-01-02" } },
    "another type": { ...good, predicateType: "https://quipu.dev/act/v1" },
    "no type that is known": { ...good, predicateType: "https://example.org/x" },
  })) {
    t.throws(reads(wrong), { code: "VERIFICATION_FAILED" }, what);
  }
});
