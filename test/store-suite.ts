/** What every backing of the coordinator's store does; run on each of them by store.test.ts. */
import type tap from "tap";
import { digestOf } from "../src/base/bytes.js";
import { QuipuError } from "../src/base/errors.js";
import type { CoordinatorStore } from "../src/io/store/coordinator-store.js";
import { ledStore, type StoreTables } from "../src/io/store/coordinator-store.js";
import type { DataUseRecord, JobRecord, PilotRecord, RunRecord } from "../src/io/store/records.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { quota } from "../src/model/quota.js";
import { failure } from "./failure.js";

export type Checks = Pick<typeof tap, "equal" | "ok" | "same">;

export const jobRecord: JobRecord = {
  id: "job-1",
  position: 1,
  name: "count",
  owner: "local",
  driver: "hash",
  spec: new TextEncoder().encode("{}"),
  specDigest: `sha256:${"a".repeat(64)}`,
  attemptsMax: 3,
  state: "queued",
  runId: "run-1",
  epoch: 1,
  host: "sg-1",
  country: "SG",
  decisionId: "dec-1",
  submittedAtMs: 1_800_000_000_001,
};

const run: RunRecord = {
  id: "run-1",
  jobId: "job-1",
  epoch: 1,
  host: "sg-1",
  device: "cpu",
  slots: 2,
  memoryBytes: 2 ** 40,
  more: [{ device: "host", slots: 3, memoryBytes: 2 ** 41 }],
  stage: "assigned",
  instanceId: "",
  receiptKey: new Uint8Array([1, 2]),
  place: { country: "SG", zone: "", site: "private", grade: "claimed" },
  decisionId: "dec-1",
  decisionDigest: jobRecord.specDigest,
  policyDigest: jobRecord.specDigest,
  assignedAtMs: 5,
};

const leaf = (digit: string) => `sha256:${digit.repeat(64)}` as const;

async function keepsGangs(t: Checks, store: CoordinatorStore): Promise<void> {
  const gang = [11, 10].map((position) => {
    return { ...jobRecord, id: `job-${position}`, position, gangId: "job-10" };
  });
  await store.transact(({ jobs }) => jobs.insert(gang));
  const ofGang = await store.transact(async ({ jobs }) => {
    await jobs.update({ ...(gang[0] as JobRecord), state: "placed" });
    return await jobs.ofGang("job-10"); // sees what is written in the same transaction
  });
  t.same(ofGang, [gang[1], { ...gang[0], state: "placed" }], "members in order of rank");
}

async function keepsDecisions(
  t: Checks,
  store: CoordinatorStore,
  content: Uint8Array,
): Promise<void> {
  const decisions = ["dec-a", "dec-b", "dec-c"].map((id) => ({ id, jobId: "job-1", content }));
  const written = await store.transact(async (tables) => {
    for (const decision of decisions) await tables.decisions.insert(decision);
    await tables.decisions.delete("dec-c");
    return await tables.decisions.getAll(["dec-a", "dec-c"]);
  });
  t.same(written, decisions.slice(0, 1), "as the transaction has them");
  const two = await store.decisions.getAll(["dec-b", "dec-a", "dec-none"]);
  t.same(
    new Map(two.map((one) => [one.id, one])),
    new Map(decisions.slice(0, 2).map((one) => [one.id, one])),
  );
}

export async function keepsAllOrNothing(t: Checks, where: string): Promise<void> {
  const store = await openCoordinatorStore(where);
  await store.check();
  const insert = (id: string, position: number) =>
    store.transact(({ jobs }) => jobs.insert([{ ...jobRecord, id, position }]));
  const doomed = () =>
    store.transact(async ({ jobs }) => {
      await jobs.insert([{ ...jobRecord, id: "job-half", position: 50 }]);
      throw new Error("half-way");
    });
  const clash = () =>
    store.transact(({ jobs }) =>
      jobs.insert([
        { ...jobRecord, id: "job-a", position: 60 },
        { ...jobRecord, id: "job-b", position: 1 },
      ]),
    );
  // All of these share one commit; those that fail take nothing of the others with them.
  const outcomes = await Promise.allSettled([
    insert("job-1", 1),
    doomed(),
    clash(),
    insert("job-2", 2),
  ]);
  const statuses = outcomes.map(({ status }) => status);
  t.same(statuses, ["fulfilled", "rejected", "rejected", "fulfilled"]);
  await store.transact(({ runs }) => runs.insert(run));
  const second = { ...run, id: "run-2", jobId: "job-2" };
  const sameEpoch = await failure(
    store.transact(({ runs }) => runs.insert({ ...run, id: "run-3" })),
  );
  t.equal(sameEpoch.code, "CONFLICT", "one run for each epoch of a job");
  await store.transact(({ runs }) => runs.update("run-1", { stage: "lost", endedAtMs: 9 }));
  await store.transact(({ runs }) => runs.insert(second));
  await store.close();

  const again = await openCoordinatorStore(where);
  const jobs = await again.jobs.list(10, Number.MAX_SAFE_INTEGER);
  t.same(
    jobs.map(({ id }) => id),
    ["job-2", "job-1"],
  );
  t.same(jobs[1], jobRecord, "a row is read as it was written");
  t.equal(jobs[1]?.spec.constructor, Uint8Array);
  t.same(await again.runs.get("run-1"), { ...run, stage: "lost", endedAtMs: 9 });
  const since = run.assignedAtMs;
  const [oldest, ...rest] = await again.runs.grantedSince(since, 1);
  t.same([oldest?.id, rest.length], ["run-1", 0]);
  const behind = await again.runs.grantedSince(since, 10, oldest);
  t.same(
    behind.map(({ id }) => id),
    ["run-2"],
    "granted at the same time, in order of ids",
  );
  t.same(await again.runs.grantedSince(since + 1, 10), []);
  const content = new TextEncoder().encode("a paper");
  const paper = { digest: digestOf(content), content };
  for (let turn = 0; turn < 2; turn += 1) {
    await again.transact(({ papers }) => papers.put([paper]));
  }
  t.same(await again.papers.get(paper.digest), paper.content);
  await keepsGangs(t, again);
  await keepsDecisions(t, again, content);
  t.equal(await again.papers.get(digestOf(new Uint8Array())), undefined);
  await again.close();
}

/** Counts how often works run that share a commit with one that throws. */
export async function undoesOnlyChanges(t: Checks, where: string): Promise<void> {
  const store = await openCoordinatorStore(where);
  const ranFor = async (stray: (tables: StoreTables) => Promise<unknown>) => {
    let runs = 0;
    const work = ({ quotas }: StoreTables) => {
      runs += 1;
      return quotas.put(quota.parse({ owner: "kept" }));
    };
    const all = [store.transact(work), store.transact(stray), store.transact(work)];
    const outcomes = await Promise.allSettled(all);
    t.same(
      outcomes.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    return runs;
  };
  const refusal = new QuipuError("CONFLICT", "not so");
  const asks = async ({ jobs }: StoreTables) => {
    if ((await jobs.get("job-none")) === undefined) throw refusal;
  };
  t.equal(await ranFor(asks), 2, "who refuses before a change makes nobody run twice");
  const changes = async ({ quotas }: StoreTables) => {
    await quotas.put(quota.parse({ owner: "stray" }));
    throw refusal;
  };
  t.equal(await ranFor(changes), 3, "what has changed something is undone");
  const left = (await store.quotas.all()).map(({ owner }) => owner);
  t.same(left, ["kept"]);
  const breaks = async () => {
    throw new Error("no code");
  };
  t.equal(await ranFor(breaks), 3, "nor is a fault without a code taken for a refusal");
  await store.close();
}

const disclosure = { envelope: new Uint8Array([1]), seed: new Uint8Array([0, 255]) };

/** The envelope of a receipt goes with what can be shown of it, and nothing else. */
async function logsAndErases(t: Checks, store: CoordinatorStore, before: object): Promise<void> {
  t.equal((await store.receipts.owedKeys()).length, 1, "keys of receipts that the log lacks");
  await store.transact(({ receipts }) => receipts.setLogged("run-1", 3));
  t.same(await store.receipts.owedKeys(), []);
  t.same(await store.receipts.get("run-1"), { ...before, disclosure });
  await store.transact(({ receipts }) => receipts.erase("run-1"));
  const erased = { ...before, envelope: new Uint8Array() };
  t.same(await store.receipts.get("run-1"), erased);
  t.same(await store.receipts.ofJob("job-1"), [erased], "in the database, too");
}

export async function keepsFacts(t: Checks, where: string): Promise<void> {
  const store = await openCoordinatorStore(where);
  await store.transact(async ({ jobs, runs }) => {
    await jobs.insert([jobRecord]);
    await runs.insert(run);
  });
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i} ${"x".repeat(90)}`);
  await store.transact(({ runLogs }) => runLogs.append("run-1", lines, 1_000));
  const kept = await store.runLogs.read("run-1", 0);
  t.ok(kept.lines.join("").length <= 1_000 && kept.lines.at(-1) === lines.at(-1), "newest lines");
  t.same((await store.runLogs.read("run-1", kept.last)).lines, []);
  const many = Array.from({ length: 1_500 }, (_, i) => `${i}`);
  await store.transact(({ runLogs }) => runLogs.append("run-1", many, 100));
  await store.transact(({ runLogs }) => runLogs.append("run-1", ["", "x".repeat(98)], 100));
  t.same((await store.runLogs.read("run-1", 0)).lines, ["", "x".repeat(98)]);
  t.equal(await store.logIndex.firstGap(), 0);
  await store.transact(async ({ logIndex }) => {
    for (const index of [0, 1, 5]) await logIndex.put(leaf(`${index}`), index);
    await logIndex.put(leaf("5"), 5);
  });
  t.equal(await store.logIndex.firstGap(), 2);
  t.equal(await store.logIndex.get(leaf("5")), 5);
  for (const [mark, gap] of [
    [3, 3],
    [5, 6],
  ] as const) {
    await store.transact(({ logIndex }) => logIndex.mark(mark));
    t.equal(await store.logIndex.firstGap(), gap, "nothing below the mark is looked at");
  }
  const host = { name: "b", place: run.place, devices: [], dataSets: ["d"], httpUrl: "" } as const;
  const bytes = { inventory: new Uint8Array([0, 255]), receiptKey: new Uint8Array(0) };
  for (const [name, lastSeenAtMs] of [
    ["b", 1],
    ["a-b", 2],
    ["ab", 3],
    ["b", 2 ** 53 - 1],
  ] as const) {
    await store.transact(({ hosts }) => hosts.put({ ...host, ...bytes, name, lastSeenAtMs }));
  }
  t.same(
    (await store.hosts.all()).map(({ name }) => name),
    ["a-b", "ab", "b"],
  );
  t.same(await store.hosts.get("b"), { ...host, ...bytes, lastSeenAtMs: 2 ** 53 - 1 });
  const receipt = {
    runId: "run-1",
    jobId: "job-1",
    epoch: 1,
    stage: "staged",
    receivedAtMs: 7,
  } as const;
  const envelope = new Uint8Array(70_000).fill(7);
  const twice = await Promise.allSettled([
    store.transact(({ receipts }) => receipts.insert({ ...receipt, envelope, disclosure })),
    store.transact(({ receipts }) => receipts.insert({ ...receipt, envelope: bytes.inventory })),
  ]);
  const codes = twice.map((one) => (one.status === "rejected" ? one.reason.code : ""));
  t.same(codes, ["", "CONFLICT"], "the first receipt of a run stays");
  t.same(await store.receipts.inStage("staged"), [{ ...receipt, envelope, disclosure }]);
  await logsAndErases(t, store, { ...receipt, stage: "logged", logIndex: 3, envelope });
  const submission = { key: "k", digest: leaf("1"), jobIds: ["job-1"] };
  await store.transact(({ submissions }) => submissions.insert(submission));
  t.same(await store.submissions.get("k"), submission);
  const again = await failure(store.transact(({ submissions }) => submissions.insert(submission)));
  t.equal(again.code, "CONFLICT");
  t.equal(await store.jobs.countQueued(), 1);
  t.equal(await store.jobs.lastPosition(), 1);
  await store.close();
}

/** Sets in the order in which they came; people once a data set, each year and class by itself. */
export async function keepsPolicies(t: Checks, where: string): Promise<void> {
  const store = await openCoordinatorStore(where);
  t.equal(await store.policySets.newest(), undefined);
  const set = (name: string, applied: boolean) => ({
    digest: leaf(name),
    applied,
    files: { "a.cedar": `// ${name} ü`, "set.json": "{}" },
    atMs: 1_800_000_000_001,
  });
  const sets = [set("1", false), set("2", true), set("1", true)];
  for (const one of sets) await store.transact(({ policySets }) => policySets.append(one));
  t.same(await store.policySets.newest(), sets[2]);
  t.same(await store.policySets.get(leaf("2")), sets[1]);
  t.same(await store.policySets.get(leaf("1")), sets[2], "the newest of its name");
  t.equal(await store.policySets.get(leaf("9")), undefined);

  const use: DataUseRecord = {
    ...{ id: "run-1", dataSet: "a", dataClass: "personal", owner: "lab", origin: "CN" },
    ...{ year: 2026, country: "SG", persons: 4_000_000_000 },
  };
  await store.transact(async ({ dataUses }) => {
    await dataUses.insert(use);
    await dataUses.insert({ ...use, persons: 1 }); // the first of an id stays
    await dataUses.insert({ ...use, id: "run-2" });
    await dataUses.insert({ ...use, id: "run-3", dataSet: "b", persons: 2 });
    await dataUses.insert({ ...use, id: "at home", dataSet: "c", country: "CN" });
    await dataUses.insert({ ...use, id: "last year", dataSet: "d", year: 2025 });
    await dataUses.insert({ ...use, id: "of another class", dataSet: "e", dataClass: "sensitive" });
    await dataUses.insert({ ...use, id: "of another country", dataSet: "f", origin: "DE" });
    await dataUses.insert({ ...use, id: "results", owner: "" });
  });
  const abroad = (except: string) =>
    store.dataUses.personsAbroad({ origin: "CN", dataClass: "personal", year: 2026, except });
  t.same(
    [await abroad("x"), await abroad("a"), await abroad("b")],
    [4_000_000_002, 2, 4_000_000_000],
  );
  t.same([await store.dataUses.count("a", "lab"), await store.dataUses.count("a", "x")], [2, 0]);
  await store.transact(({ dataUses }) => dataUses.delete("run-3"));
  await store.transact(({ dataUses }) => dataUses.delete("never there"));
  t.equal(await abroad("x"), 4_000_000_000);
  await store.close();
}

/** One leads at a time; who led before is refused, whatever it thinks. */
export async function keepsPilots(t: Checks, where: string): Promise<void> {
  const store = await openCoordinatorStore(where);
  const pilot: PilotRecord = {
    ...{ id: "pilot-2", offer: "cloud", host: "cloud-1", stage: "wanted", jobId: "job-1" },
    ...{ createdAtMs: 7, endsAtMs: 9, reason: "", failed: false },
    tokenDigest: jobRecord.specDigest,
  };
  const put = (one: PilotRecord) => store.transact(({ pilots }) => pilots.insert(one));
  await put(pilot);
  const twin = { ...pilot, id: "pilot-1", createdAtMs: 6 };
  t.equal((await failure(put(twin))).code, "CONFLICT", "one name, one pilot");
  const price = { currency: "USD", nanosPerSecond: 3 };
  const joined: PilotRecord = {
    ...pilot,
    ...{ stage: "joined", receiptKey: new Uint8Array([1, 2]), joinedAtMs: 8, price },
  };
  await store.transact(({ pilots }) => pilots.update(joined));
  t.same(await store.pilots.get("pilot-2"), joined);
  t.same(await store.pilots.livingOn("cloud-1"), joined);
  t.equal(await store.pilots.livingOn("cloud-2"), undefined);
  await put({ ...twin, host: "cloud-2" });
  t.same(await store.pilots.living(), [{ ...twin, host: "cloud-2" }, joined], "oldest first");
  const ended: PilotRecord = {
    ...joined,
    stage: "ended",
    endedAtMs: 20,
    failed: true,
    reason: "x",
  };
  await store.transact(({ pilots }) => pilots.update(ended));
  t.same(await store.pilots.endedSince(20), [ended]);
  t.same(await store.pilots.endedSince(21), []);
  await put({ ...pilot, id: "pilot-3" });
  await store.transact(({ hosts }) => hosts.delete("cloud-1"));
  await store.close();
}

export async function fencesLeaders(t: Checks, where: string): Promise<void> {
  const store = await openCoordinatorStore(where);
  const take = async (holder: string, leaseMs: number) => {
    const claim = { holder, leaseMs, address: `unix:/${holder}`, keys: "k" };
    const leader = await store.transact((tables) => tables.leader.take(claim));
    t.equal(leader.address, `unix:/${leader.holder}`, "where the leader is");
    return leader.holder === holder ? leader.epoch : undefined;
  };
  const put = (to: CoordinatorStore, name: string) =>
    to.transact(({ submissions }) =>
      submissions.insert({ key: name, digest: leaf("1"), jobIds: [] }),
    );
  const early = await failure(put(ledStore(store, 1), "before anyone"));
  t.equal(early.code, "FENCED", "nobody leads yet");
  t.equal(await take("one", 60_000), 1);
  t.equal(await take("one", 60_000), 1, "asked again it is the same taking");
  t.equal(await take("two", 60_000), undefined, "while the lease runs");
  await put(ledStore(store, 1), "led by one");
  await store.transact(({ leader }) => leader.renew(1, -1));
  await put(ledStore(store, 1), "run out, and nobody took over");
  t.equal(await take("two", 60_000), 2);
  t.equal((await failure(put(ledStore(store, 1), "late"))).code, "FENCED");
  const late = await failure(store.transact(({ leader }) => leader.renew(1, 60_000)));
  t.equal(late.code, "FENCED");
  await store.transact(({ leader }) => leader.resign(1));
  t.equal(await take("one", 60_000), undefined, "one that was replaced cannot resign for another");
  await store.transact(({ leader }) => leader.resign(2));
  t.equal(await take("one", 60_000), 3, "one that resigned is followed at once");
  const mixed = await Promise.allSettled([
    put(ledStore(store, 2), "stale"),
    put(ledStore(store, 3), "led"),
    put(store, "anyone's"),
  ]);
  t.same(
    mixed.map(({ status }) => status),
    ["rejected", "fulfilled", "fulfilled"],
    "one commit, and only the stale one is refused",
  );
  const kept = ["before anyone", "late", "stale", "led by one", "led", "anyone's"].map((key) =>
    store.submissions.get(key),
  );
  t.same(
    (await Promise.all(kept)).map((one) => one?.key),
    [undefined, undefined, undefined, "led by one", "led", "anyone's"],
  );
  await store.close();
}
