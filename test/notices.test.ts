/** What the coordinator itself signs: ends of jobs that no host could sign for, and acts of operators. */
import t from "tap";
import { digestOf } from "../src/base/bytes.js";
import { canonicalBytes } from "../src/base/canonical-json.js";
import { QuipuError } from "../src/base/errors.js";
import { getReceipt } from "../src/coordinator/api/get-receipt.js";
import { listActs } from "../src/coordinator/api/list-acts.js";
import { setQuota } from "../src/coordinator/dispatch/quotas.js";
import { cordonHost, uncordonHost } from "../src/coordinator/host/cordon.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { Notices } from "../src/coordinator/log/notices.js";
import type { GetReceiptResponse, ListActsResponse } from "../src/gen/quipu/v1/log_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { JobEnd, Notice } from "../src/model/notice.js";
import { quota } from "../src/model/quota.js";
import { parseEnvelope, receiptKeyId, sealPayload } from "../src/proof/receipt/envelope.js";
import { actNotice, jobEndNotice, noticeBytes, parsePayload } from "../src/proof/receipt/notice.js";
import { verifyReceipt } from "../src/proof/verify/receipt.js";
import { trustBeside } from "../src/proof/verify/trust.js";
import { CoordinatorWorld, FakeHost, job, times } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { noticesOf } from "./notices-of.js";

const ecdsa = "ecdsa-p256-sha256";
const call = { signal: new AbortController().signal, peer: "unix" };

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
  await world.coordinator.core.notices.bring(world.coordinator.core.logBook);
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
  const notices = new Notices({ store } as never);
  let isOver = false;
  const brought = failure(notices.bring({ append: () => appends.shift() as never })).finally(() => {
    isOver = true;
  });
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
  t.notOk(isOver, "the second is under way");
  release(7);
  t.match(await brought, { message: "the log is full" });
  t.same(logged, [["act-second", 7]]);
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
    const id = `${envelope === ends ? "job" : "act"}-${at}`;
    return { id, stage: "logged", envelope, key: signer.publicKey, logIndex: at * 2 };
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
