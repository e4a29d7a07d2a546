import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import t from "tap";
import { listJobs } from "../src/coordinator/api/list-jobs.js";
import { submitJobs } from "../src/coordinator/job/admission.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { type JobEvent, jobEventStates, stepJob } from "../src/coordinator/job/job-machine.js";
import { ListJobsRequestSchema } from "../src/gen/quipu/v1/jobs_pb.js";
import type { JobRecord } from "../src/io/store/records.js";
import { isTerminal, type JobState, jobStates } from "../src/model/job.js";
import { CoordinatorWorld, FakeHost, job, settle, times } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { jobRecord } from "./store-suite.js";

t.setTimeout(120_000);

const record: JobRecord = { ...jobRecord, spec: job(), submittedAtMs: 1 };
const lostFailure = { code: "LEASE_EXPIRED", kind: "retryable", message: "late" } as const;
const settled = { kind: "settle", result: { outputs: [], logIndex: 4 } } as const;
const events = {
  place: { kind: "place", runId: "run-2", host: "cl-1", country: "CL", decisionId: "dec-2" },
  wait: { kind: "wait", decisionId: "dec-3", rule: "device.busy" },
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
  const get = jobs.get.bind(jobs);
  let cancelled: JobState | undefined;
  jobs.get = async (id) => {
    const found = await get(id);
    if (id === first)
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
  const holdsUntilMs = policy.holdsUntilMs.bind(policy);
  const { digest, namesHosts } = policy;
  const named = { digest, namesJobs: true, namesHosts };
  Object.assign(ports, { policy: { ...named, runOn, exportTo, holdsUntilMs } });
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
