import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import t from "tap";
import { say } from "../src/agent/messages.js";
import { QuipuError } from "../src/base/errors.js";
import { submitJobs } from "../src/coordinator/admission.js";
import { attach } from "../src/coordinator/api/attach.js";
import { listJobs } from "../src/coordinator/api/list-jobs.js";
import { cancelJob } from "../src/coordinator/cancel.js";
import { type JobEvent, jobEventStates, stepJob } from "../src/coordinator/job-machine.js";
import { HeartbeatSchema } from "../src/gen/quipu/v1/attach_pb.js";
import { ListJobsRequestSchema } from "../src/gen/quipu/v1/jobs_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { JobRecord } from "../src/io/store/records.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { isTerminal, type JobState, jobStates } from "../src/model/job.js";
import { CoordinatorWorld, FakeHost, job, result, settle, times } from "./coordinator-world.js";
import { failure } from "./failure.js";

t.setTimeout(120_000);
const root = mkdtempSync(join(tmpdir(), "quipu-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

const record: JobRecord = {
  id: "job-1",
  position: 1,
  name: "count",
  driver: "hash",
  spec: job(),
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
const lostFailure = { code: "LEASE_EXPIRED", kind: "retryable", message: "late" } as const;
const settled = { kind: "settle", result: { outputs: [], logIndex: 4 } } as const;
const events = {
  place: { kind: "place", runId: "run-2", host: "cl-1", country: "CL", decisionId: "dec-2" },
  wait: { kind: "wait", decisionId: "dec-3" },
  refuse: { kind: "refuse", decisionId: "dec-4" },
  start: { kind: "start" },
  succeed: { ...settled, outcome: "succeeded" },
  fail: { ...settled, outcome: "failed", failure: lostFailure },
  end: { ...settled, outcome: "cancelled" },
  lose: { kind: "lose", failure: lostFailure },
  cancel: { kind: "cancel", reason: "no longer needed" },
} satisfies Readonly<Record<string, JobEvent>>;

t.test("each event in each state of a job", async (t) => {
  const expected: Record<string, Partial<Record<JobState, JobState>>> = {
    place: { queued: "placed" },
    wait: { queued: "queued" },
    refuse: { queued: "refused" },
    start: { placed: "running" },
    succeed: { placed: "succeeded", running: "succeeded" },
    fail: { placed: "failed", running: "failed" },
    end: { placed: "cancelled", running: "cancelled" },
    lose: { placed: "queued", running: "queued" },
    cancel: { queued: "cancelled", placed: "placed", running: "running" },
  };
  for (const [name, event] of Object.entries(events)) {
    for (const state of jobStates) {
      const after = stepJob({ ...record, state }, event, 9);
      t.equal(after?.state, expected[name]?.[state], `${name} in ${state}`);
      t.equal(after !== undefined, jobEventStates[event.kind].includes(state));
    }
  }
  const { lose } = events;
  const last = stepJob({ ...record, state: "running", epoch: 3 }, lose, 9);
  t.match(last, { state: "lost", failure: lostFailure, finishedAtMs: 9 });
  const unwanted = { ...record, state: "running", cancelReason: "enough" } as const;
  t.match(stepJob(unwanted, lose, 9), { state: "cancelled", cancelReason: "enough" });
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...Object.values(events)), { maxLength: 40 }), (list) => {
      let now = { ...record, runId: "", epoch: 0 };
      for (const event of list) {
        const next = stepJob(now, event, 9);
        if (next === undefined) continue;
        if (isTerminal(now.state)) throw new Error(`${now.state} was left`);
        if (next.epoch - now.epoch !== (event.kind === "place" ? 1 : 0)) throw new Error("epoch");
        if (next.epoch > next.attemptsMax) throw new Error("too many attempts");
        now = next;
      }
    }),
  );
});

t.test("admission: all or none, once for a key, nothing that cannot run", async (t) => {
  const world = await CoordinatorWorld.open();
  const { core } = world.coordinator;
  const submit = (key: string, ...specs: Uint8Array[]) => submitJobs(core, key, specs);
  const [first, same] = await Promise.all([submit("k", job(), job()), submit("k", job(), job())]);
  t.same(
    first.map(({ id }) => id),
    same.map(({ id }) => id),
    "two at once make one",
  );
  t.equal((await failure(submit("k", job()))).code, "CONFLICT");
  t.equal((await failure(submit("", job()))).code, "INVALID_ARGUMENT");
  t.equal((await failure(submit("e"))).code, "LIMIT_EXCEEDED");
  const model = `sha256:${"e".repeat(64)}` as const;
  const tensor = job({ task: { driver: "tensor", model, inputs: {} } });
  const bad: [Uint8Array, string, RegExp][] = [
    [job({ dataSet: "nowhere" }), "NOT_FOUND", /quipu data add/],
    [tensor, "NOT_FOUND", /quipu artifact put/],
    [new TextEncoder().encode('{"version":"quipu.dev/v1"}'), "JOB_FILE_INVALID", /.*/],
    [
      new TextEncoder().encode(`${new TextDecoder().decode(job())} `),
      "JOB_FILE_INVALID",
      /canonical/,
    ],
    [new Uint8Array([0xff, 0xfe]), "JOB_FILE_INVALID", /.*/],
    [new Uint8Array(300 * 1024), "LIMIT_EXCEEDED", /.*/],
  ];
  for (const [spec, code, next] of bad) {
    const error = await failure(submit(`bad-${code}`, job(), spec));
    t.equal(error.code, code);
    t.match(error.next ?? "", next);
  }
  t.equal(await world.store.jobs.lastPosition(), 2, "a bad job lets none of its submission in");
  world.artifacts.add(model);
  t.equal((await submit("t", tensor))[0]?.state, "queued");
});

t.test("a job cancelled while a round decides leaves its device to the next one", async (t) => {
  const world = await CoordinatorWorld.open();
  const [first = "", second = ""] = await world.submit(job(), job());
  const { jobs } = world.store;
  const queued = jobs.queued.bind(jobs);
  let cancelled: JobState | undefined;
  jobs.queued = async (...page) => {
    const found = await queued(...page);
    cancelled ??= (await cancelJob(world.coordinator.core, first, "changed my mind")).state;
    return found;
  };
  const host = new FakeHost(world);
  await host.attach();
  t.equal(cancelled, "cancelled", "between the look and the decision");
  t.equal(await world.state(second), "placed");
  t.equal(host.assign.jobId, second);
});

t.test("a job that cannot be decided holds up nobody, and is tried again", async (t) => {
  const world = await CoordinatorWorld.open();
  const { ports } = world.coordinator.core;
  const { policy } = ports;
  const runOn: typeof policy.runOn = (question) => {
    if (question.job.name === "odd") throw new Error("a fault of the engine");
    return policy.runOn(question);
  };
  const exportTo = policy.exportTo.bind(policy);
  Object.assign(ports, { policy: { digest: policy.digest, runOn, exportTo } });
  await new FakeHost(world).attach();
  const [odd = "", even = ""] = await world.submit(job({ name: "odd" }), job());
  t.equal(await world.state(even), "placed");
  t.match(world.troubles, ["dispatch: a fault of the engine"]);
  Object.assign(ports, { policy });
  await world.advance(250);
  t.ok((await world.job(odd)).decisionId !== "", "it waits for a known reason now");
});

t.test("placement: refused with its rule, waiting with its reason, then placed", async (t) => {
  const world = await CoordinatorWorld.open();
  const waiting = await world.one();
  t.equal(await world.state(waiting), "queued", "without a fleet a job waits");
  const de = new FakeHost(world, "de-1", "DE");
  await de.attach();
  t.equal(de.all("welcome").length, 1);
  t.equal(await world.state(waiting), "placed");
  t.match(de.assign, { jobId: waiting, epoch: 1n, device: "cpu", leaseMs: BigInt(times.leaseMs) });
  const refused = await world.one(job({ dataSet: "people", placement: { hosts: ["de-1"] } }));
  const decision = await world.store.decisions.get((await world.job(refused)).decisionId);
  t.equal(await world.state(refused), "refused");
  t.match(Buffer.from(decision?.content ?? []).toString(), /residency\.personal/);
  const second = await world.one();
  const before = (await world.job(second)).decisionId;
  t.ok(before !== "", "the reason why it waits is kept");
  world.coordinator.core.wake();
  await settle();
  t.equal((await world.job(second)).decisionId, before, "no news is not written again");
  await de.report(de.seal());
  t.equal(await world.state(waiting), "succeeded");
  t.equal(de.assign.jobId, second, "the freed device takes the next job at once");
  t.same(world.troubles, []);
});

t.test("a page of jobs ends where a message would", async (t) => {
  const world = await CoordinatorWorld.open();
  const ids = await world.submit(job(), job(), job());
  const call = { signal: new AbortController().signal, peer: "unix" };
  const list = listJobs(world.coordinator.core, 1);
  const seen: unknown[] = [];
  let after = "";
  do {
    const page = await list(create(ListJobsRequestSchema, { limit: 2, after }), call);
    seen.push(page.jobs?.map(({ id }) => id));
    after = page.next ?? "";
  } while (after !== "");
  t.same(
    seen,
    ids.reverse().map((id) => [id]),
  );
});

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

  const rival = new FakeHost(world);
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
    for (let count = 0; count < 5_000; count += 1) yield say({ case: "heartbeat", value });
    heard();
    await new Promise(() => {}); // it stays there, and reads nothing
  }
  const answers = attach(world.coordinator)(beats(), call)[Symbol.asyncIterator]();
  t.equal((await answers.next()).value?.message?.case, "welcome");
  t.ok(sessions.has("sg-1"));
  await all;
  t.equal(sessions.has("sg-1"), false, "nothing more is placed on a host that cannot be told");
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
  t.equal(world.log.head().size, 0);
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
  t.equal(world.log.head().size, 2);
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
    t.equal(world.log.head().size, 0);
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
  t.equal(world.log.head().size, 1, "the entry that had committed was found, not appended again");
  await world.advance(times.leaseMs);
  t.equal(await world.state(unacknowledged ?? ""), "placed", "a full lease from the start");
  const before = other.assign;
  await other.attach();
  t.equal(other.assign.runId, before.runId);
  await host.attach();
  await host.report(host.seal("succeeded", before)); // not its run
  t.match(host.ack, { accepted: false });
  await other.report(other.seal());
  t.match(other.ack, { accepted: true, logIndex: 1n });
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
  t.equal(world.log.head().size, 1);

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
