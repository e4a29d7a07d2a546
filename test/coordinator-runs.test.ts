/** The coordinator and its agents: streams, leases, ends of runs, cancels, restarts, full disks. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import t from "tap";
import { say } from "../src/agent/messages.js";
import { QuipuError } from "../src/base/errors.js";
import { attach } from "../src/coordinator/api/attach.js";
import { submitJobs } from "../src/coordinator/job/admission.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { HeartbeatSchema } from "../src/gen/quipu/v1/attach_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { HostRecord } from "../src/io/store/records.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { CoordinatorWorld, FakeHost, job, result, settle, times } from "./coordinator-world.js";
import { failure } from "./failure.js";

t.setTimeout(120_000);
const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

t.test("attach: one stream a host; what was granted against what is held", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  const id = await world.one();
  const { assign } = host;
  const older = host.told;
  await host.attach();
  t.equal(older, host.told);
  t.equal(host.assign.runId, assign.runId, "never acknowledged: assigned again, the same run");
  await host.attach([assign]);
  t.same(host.all("assign"), [], "held: goes on");
  t.equal(await world.state(id), "running", "that it is held is an acknowledgement");
  await host.attach();
  t.same(host.all("assign"), [], "the same agent gave it up: its lease runs out");
  t.equal(await world.state(id), "running");
  host.instance = "second";
  await host.attach();
  t.equal((await world.job(id)).epoch, 2, "it died with its agent and is placed anew");
  t.equal(host.assign.epoch, 2n);
  t.same(await host.beat(assign), [assign.runId], "the old run is fenced");

  const namesake = new FakeHost(world);
  namesake.instance = "elsewhere";
  await namesake.attach();
  t.match(namesake.all("refused"), [{ code: "CONFLICT" }], "one name, one agent");
  t.notOk(host.closed, "the one that is heard keeps its stream");
  const rival = new FakeHost(world);
  rival.instance = host.instance;
  await rival.attach([host.assign]);
  t.ok(host.closed, "the older stream of the host is closed");
  await host.lost();
  t.equal((await world.job(id)).epoch, 2, "what an old stream says counts for nothing");

  for (const [parts, what] of [
    [{ host: "Not A Name" }, "name"],
    [{ host: "coordinator" }, "the coordinator's own name"],
    [{ receiptKey: new Uint8Array([1]) }, "key"],
    [{ receiptKey: newSigner("ed25519").publicKey }, "kind of key"],
    [{ place: { country: "Singapore", site: 1, grade: 1 } }, "place"],
    [{ instanceId: "" }, "instance"],
    [{ httpUrl: "file:///etc/passwd" }, "address"],
  ] as const) {
    const stranger = new FakeHost(world, "sg-9");
    await stranger.attach([], parts);
    t.equal(stranger.all("refused").at(-1)?.code, "INVALID_ARGUMENT", `a malformed ${what}`);
    t.ok(stranger.closed);
  }
  const mute = new FakeHost(world, "sg-8");
  await mute.attach();
  await mute.beat();
  t.equal(mute.all("heartbeatAck").length, 1);
});

t.test("one that may no longer lead grants nothing and renews nothing", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  await world.one();
  t.equal(host.all("assign").length, 1);
  world.leads = false;
  t.same(await host.beat(host.assign), []);
  t.equal(host.all("heartbeatAck").length, 0);
  t.ok(host.closed, "the agent looks for whoever leads now");
  world.leads = true;
  await host.attach([host.assign]);
  await host.beat();
  t.equal(host.all("heartbeatAck").length, 1);
  await world.store.close();
});

t.test("a stream that breaks says why; one whose peer reads nothing is cut", async (t) => {
  const world = await CoordinatorWorld.open();
  const { sessions } = world.coordinator.core;
  const call = { signal: new AbortController().signal, peer: "unix" };
  const hello = say({ case: "hello", value: new FakeHost(world).hello() });
  async function* broken() {
    yield hello;
    throw new QuipuError("INVALID_ARGUMENT", "no message");
  }
  const read = async () => {
    for await (const _ of attach(world.coordinator)(broken(), call));
  };
  t.equal((await failure(read())).code, "INVALID_ARGUMENT");
  t.equal(sessions.size, 0);

  let heard: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    heard = resolve;
  });
  async function* beats() {
    yield hello;
    const value = create(HeartbeatSchema, { sequence: 1n });
    for (let count = 0; count < 6_000; count += 1) yield say({ case: "heartbeat", value });
    heard();
    await new Promise(() => {}); // it stays there, and reads nothing
  }
  const answers = attach(world.coordinator)(beats(), call)[Symbol.asyncIterator]();
  t.equal((await answers.next()).value?.message?.case, "welcome");
  t.ok(sessions.has("sg-1"));
  await all;
  t.equal(sessions.has("sg-1"), false, "nothing more is placed on a host that cannot be told");
});

t.test("a large fleet is asked to beat more slowly, and still four times in a lease", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  const { hosts } = world.coordinator.core;
  const known = hosts.get(host.name) as HostRecord;
  for (const [count, everyMs] of [
    [1, 1_000],
    [8_000, 2_000],
    [10_000, 2_500],
  ] as const) {
    while (hosts.size < count) hosts.set(`h-${hosts.size}`, known);
    await host.beat();
    t.equal(Number(host.all("heartbeatAck").at(-1)?.heartbeatMs), everyMs, `${count} hosts`);
  }
});

t.test("leases: renewed by heartbeats that name the run, else given to another", async (t) => {
  const world = await CoordinatorWorld.open();
  const [one, two] = [new FakeHost(world, "sg-1"), new FakeHost(world, "sg-2")];
  await one.attach();
  const id = await world.one(job({ attemptsMax: 2 }));
  const first = one.assign;
  await one.running();
  for (let i = 0; i < 5; i += 1) {
    await world.advance(times.leaseMs);
    t.same(await one.beat(first), []);
  }
  await two.attach();
  await world.advance(times.leaseMs + times.leaseMarginMs);
  t.equal(await world.state(id), "running", "not a moment before lease and margin are over");
  await two.beat();
  await world.advance(1);
  t.match(await world.job(id), { state: "placed", epoch: 2, host: "sg-2" });
  t.same(await two.beat(two.assign), []);
  t.ok(one.closed, "a stream that is silent for so long is closed");
  await one.attach([first]);
  t.same(await one.beat(first), [first.runId]);
  await two.beat();
  await world.advance(times.leaseMs);
  await two.beat();
  await world.advance(times.leaseMarginMs + 1);
  t.match(await world.job(id), { state: "lost", failure: { code: "LEASE_EXPIRED" } }, "used up");
  await one.attach([first]);
  await one.report(one.seal("succeeded", first));
  t.match(one.ack, { accepted: false, failure: { code: "FENCED" } });
  t.equal((await world.store.receipts.get(first.runId))?.stage, "evidence", "kept, not logged");
  t.equal(await world.receiptEntries(), 0);
  t.equal(await world.state(id), "lost");
});

t.test("the end of a run: logged once, acknowledged as often as asked", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  const [id, other] = await world.submit(job({ dataSet: "people" }), job());
  const { assign } = host;
  const update = host.seal();
  await Promise.all([host.report(update), host.report(update), host.report(update)]);
  t.same(
    host.all("runAck").map(({ accepted, logIndex }) => [accepted, logIndex]),
    [
      [true, 0n],
      [true, 0n],
      [true, 0n],
    ],
  );
  t.match(await world.job(id ?? ""), {
    state: "succeeded",
    result: { logIndex: 0, backend: "portable", outputs: result.outputs },
  });
  t.same(await host.beat(assign), [], "an accepted run is over, not fenced");
  await host.report(host.seal("failed", assign));
  t.match(host.ack, { accepted: true, logIndex: 0n }, "the first receipt of a run stays");
  t.equal(await world.state(id ?? ""), "succeeded");
  t.equal(host.assign.jobId, other);
  await host.report(host.seal("failed"));
  t.match(await world.job(other ?? ""), { state: "failed", failure: { code: "DATA_INVALID" } });
  t.equal(await world.receiptEntries(), 2);
});

t.test(
  "a receipt that does not say what was granted is refused, and the job runs again",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const host = new FakeHost(world);
    const thief = new FakeHost(world, "de-1", "DE", newSigner("ecdsa-p256-sha256"));
    await host.attach();
    await thief.attach();
    const digest = `sha256:${"f".repeat(64)}` as const;
    const wrong: readonly (readonly [string, Parameters<FakeHost["seal"]>[2]])[] = [
      ["epoch", (facts) => ({ ...facts, epoch: 7 })],
      ["job", (facts) => ({ ...facts, jobId: "job-other" })],
      ["host", (facts) => ({ ...facts, host: "sg-7" })],
      ["place", (facts) => ({ ...facts, place: { ...facts.place, country: "CL" } })],
      ["policy digest", (facts) => ({ ...facts, policyDigest: digest })],
      ["decision digest", (facts) => ({ ...facts, decisionDigest: digest })],
      ["inputs", (facts) => ({ ...facts, inputs: [digest] })],
      [
        "data set",
        (facts) => ({
          ...facts,
          dataSet: { name: "people", manifestDigest: digest, dataClass: "personal" },
        }),
      ],
      ["data class", ({ dataSet, ...facts }) => facts],
    ];
    const id = await world.one(job({ dataSet: "people", attemptsMax: 10 }));
    for (const [i, [what, change]] of wrong.entries()) {
      const { assign } = host;
      t.equal(assign.epoch, BigInt(i + 1));
      const stolen = thief.seal("succeeded", assign);
      await thief.report(stolen);
      t.match(thief.ack, { accepted: false }, "another host cannot end it");
      t.equal((await world.job(id)).epoch, i + 1);
      await host.report(host.seal("succeeded", assign, change));
      t.match(host.ack, { accepted: false, failure: { code: "VERIFICATION_FAILED" } }, what);
    }
    const forged = host.seal("succeeded", host.assign, undefined, newSigner("ecdsa-p256-sha256"));
    await host.report(forged);
    t.match(host.ack, { accepted: false, failure: { code: "VERIFICATION_FAILED" } }, "another key");
    t.match(await world.job(id), { state: "lost" }, "ten attempts are used up");
    t.equal(await world.receiptEntries(), 0);
    t.equal(
      (await world.store.receipts.inStage("evidence")).length,
      0,
      "what proves nothing is not kept",
    );
  },
);

t.test("cancel: queued at once, running by its agent, never what has ended", async (t) => {
  const world = await CoordinatorWorld.open();
  const { core } = world.coordinator;
  const queued = await world.one();
  t.equal((await cancelJob(core, queued, "no")).state, "cancelled");
  t.equal((await cancelJob(core, queued, "again")).cancelReason, "no");
  t.equal((await failure(cancelJob(core, "job-none", ""))).code, "NOT_FOUND");
  const host = new FakeHost(world);
  await host.attach();
  const running = await world.one();
  await host.running();
  t.equal((await cancelJob(core, running, "stop it")).state, "running");
  t.match(host.all("cancel"), [{ runId: host.assign.runId, reason: "stop it" }]);
  const { assign } = host;
  await host.attach([assign]);
  t.equal(host.all("cancel").length, 1, "told again at each attach");
  await host.report(host.seal("cancelled", assign));
  t.match(await world.job(running), { state: "cancelled", result: { logIndex: 0 } });
  const late = await world.one();
  await cancelJob(core, late, "too late");
  await host.report(host.seal());
  t.equal(await world.state(late), "succeeded", "what succeeded before it was told has succeeded");
  t.equal((await failure(cancelJob(core, late, ""))).code, "CONFLICT");
  const gone = await world.one();
  await cancelJob(core, gone, "never mind");
  await host.lost();
  t.equal(
    await world.state(gone),
    "cancelled",
    "a lost run of an unwanted job is not placed again",
  );
  // Placed and cancelled in the same moment: whoever assigns it also says that it is cancelled.
  const [raced] = await submitJobs(core, "raced", [job()]);
  host.told.length = 0;
  for (let turn = 0; turn < 50 && (await world.state(raced?.id ?? "")) === "queued"; turn += 1) {
    await Promise.resolve();
  }
  await cancelJob(core, raced?.id ?? "", "raced");
  await settle();
  const told = host.told.map((message) => message.case);
  if ((await world.state(raced?.id ?? "")) !== "cancelled") t.same(told, ["assign", "cancel"]);
});

t.test("restart in mid-flight, on a real file", async (t) => {
  const path = join(root, "coordinator.db");
  const world = await CoordinatorWorld.open(path);
  const host = new FakeHost(world);
  await host.attach();
  const other = new FakeHost(world, "sg-2");
  await other.attach();
  const on = (name: string) => job({ placement: { hosts: [name] } });
  const [sealed, unacknowledged] = await world.submit(on("sg-1"), on("sg-2"));
  // The log refuses in the middle of the commit of the first receipt; the process dies right there.
  world.logStore.arm({ step: "publishCheckpoint", call: 1, persisted: false, crash: true });
  await host.report(host.seal());
  t.equal(host.ack, undefined, "nothing is acknowledged that is not logged");
  t.equal((await world.store.receipts.inStage("staged")).length, 1);
  t.equal(other.assign.jobId, unacknowledged);
  await world.store.close();
  world.nowMs += 60_000; // down for longer than any lease

  world.store = await openCoordinatorStore(path);
  await world.start();
  t.match(await world.job(sealed ?? ""), { state: "succeeded", result: { logIndex: 0 } });
  t.equal(
    await world.receiptEntries(),
    1,
    "the entry that had committed was found, not appended again",
  );
  await world.advance(times.leaseMs);
  t.equal(await world.state(unacknowledged ?? ""), "placed", "a full lease from the start");
  const before = other.assign;
  await other.attach();
  t.equal(other.assign.runId, before.runId);
  await host.attach();
  await host.report(host.seal("succeeded", before)); // not its run
  t.match(host.ack, { accepted: false });
  await other.report(other.seal());
  t.match(other.ack, { accepted: true });
  t.equal(await world.receiptEntries(), 2);
  await world.store.close();
});

t.test("a full disk or a failing log refuses an answer, never the truth", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  const id = await world.one();
  world.logStore.arm({ step: "compareAndSwap", call: 1, persisted: true, crash: false });
  await host.report(host.seal());
  await world.advance(250);
  t.match(await world.job(id), { state: "succeeded", result: { logIndex: 0 } });
  await host.report(host.seal("succeeded", host.assign));
  t.match(host.ack, { accepted: true, logIndex: 0n });
  t.equal(await world.receiptEntries(), 1);

  // A log that hangs: leases go on being watched, and it is asked again by one tick, not by each.
  const stage = world.logStore.stage.bind(world.logStore);
  let fail: (error: Error) => void = () => {};
  world.logStore.stage = () =>
    new Promise<never>((_, reject) => {
      fail = reject;
    });
  const hanging = await world.one();
  await host.report(host.seal());
  const ticks = Array.from({ length: 8 }, () => world.coordinator.tick());
  await settle();
  world.troubles.length = 0;
  fail(new Error("gone"));
  await settle();
  t.equal(world.troubles.length, 2, "the update that waited for it, and one tick");
  world.logStore.stage = stage;
  await Promise.all(ticks);
  await world.advance(250);
  t.equal(await world.state(hanging), "succeeded");
});
