/** Runs that hold several devices, and cores and memory of their host: placed, told, counted, given back. */
import fc from "fast-check";
import t from "tap";
import type { Digest } from "../src/base/bytes.js";
import { canonicalBytes, canonicalJson } from "../src/base/canonical-json.js";
import { planJobs } from "../src/coordinator/api/plan-jobs.js";
import type { Decision } from "../src/model/decision.js";
import {
  devicesOf,
  type HostView,
  hostRow,
  loaded,
  type RunLoad,
  rowsOf,
  withoutRun,
  withRun,
} from "../src/model/host.js";
import { type JobSpec, jobDigest, jobSpec } from "../src/model/job.js";
import { priceBook } from "../src/model/price-book.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { explain } from "../src/scheduler/placement/explain.js";
import { fleetPaper } from "../src/scheduler/placement/fleet.js";
import { preemptionFor, type Running } from "../src/scheduler/placement/preempt.js";
import { replay } from "../src/scheduler/placement/replay.js";
import { CoordinatorWorld, FakeHost, settle, job as wireJob } from "./coordinator-world.js";
import { ask, gpus, hasRoom, inventory, wish } from "./device-jobs.js";
import { at, base, cpu, holding, host, place, sg } from "./scheduler-world.js";

t.test("several devices: of one host, whole, of one kind; each lack has its rule", (t) => {
  const four = host("sg-1", sg.place, { devices: [cpu, ...gpus(4)], load: holding("cuda:1") });
  const three = wish({ device: "cuda", devices: 3, memoryBytes: 5 });
  const placed = ask(three, [four]);
  const row = (device: string) => ({ device, slots: 1, memoryBytes: 5 });
  const more = [row("cuda:2"), row("cuda:3")];
  t.same(placed.outcome, { kind: "placed", host: "sg-1", ...row("cuda:0"), more });
  t.same(placed.offers[0]?.devices, ["cuda:0", "cuda:2", "cuda:3"]);
  t.match(explain(placed).sentence, /devices cuda:0, cuda:2, cuda:3/);
  t.match(ask(wish({ devices: 2 }), [four]).outcome, { device: "cuda:0" }, "any: not the cpu");
  const sizes = gpus(3).map((one, i) => ({ ...one, memoryBytes: 10 - i }));
  const small = ask(wish({ devices: 2 }), [host("sg-1", sg.place, { devices: sizes })]);
  t.same(small.offers[0]?.devices, ["cuda:2", "cuda:1"], "the smallest that fit");
  const slots = host("sg-1", sg.place, { devices: gpus(2, { slots: 8 }) });
  t.match(ask(wish({ devices: 2 }), [slots]).outcome, { slots: 8, more: [{ slots: 8 }] });
  const rule = (resources: Partial<JobSpec["resources"]>, parts: Partial<HostView> = {}) =>
    ask(wish(resources), [{ ...four, ...parts }]).reasons.map(
      ({ rule, text }) => `${rule} ${text}`,
    );
  t.same(rule({ devices: 5 }), [
    "device.kind The job needs 5 devices of one host; this host has 4.",
  ]);
  t.same(rule({ devices: 2 }, { devices: [cpu] }), [
    "device.kind The job needs a cuda device; this host has cpu.",
  ]);
  t.same(rule({ devices: 4 }), [
    "device.busy The job needs 4 devices of one host; free here are 3.",
  ]);
  t.same(rule({ devices: 2, memoryBytes: 9 }, { devices: sizes, load: [] }), []);
  t.same(rule({ devices: 3, memoryBytes: 9 }, { devices: sizes }), [
    "device.memory The job needs 3 devices of one host; 9 bytes each are here on 2.",
  ]);
  const two = [
    host("a", sg.place, { devices: gpus(1) }),
    host("b", sg.place, { devices: gpus(1) }),
  ];
  t.equal(ask(wish({ devices: 2 }), two).outcome.kind, "queued", "not one on each of two hosts");
  t.end();
});

t.test("prices and budgets count every device", (t) => {
  const rates = [{ kind: "cuda", nanosPerSecond: 1_000 }];
  const from = "2026-01-01T00:00:00Z";
  const facts = { version: "quipu.dev/price-book/v1", name: "winter", currency: "USD", from };
  const book = priceBook.parse({ ...facts, rates });
  const four = host("sg-1", sg.place, { devices: gpus(4) });
  const one = ask(wish({ devices: 1, device: "cuda" }), [four], book).offers[0];
  const all = ask(wish({ devices: 4 }), [four], book).offers[0];
  t.same([one?.price?.nanosPerSecond, all?.price?.nanosPerSecond], [1_000, 4_000]);
  t.equal(one?.parts.price, all?.parts.price, "dear is what is dear for each");
  const budget = (nanos: number, currency = "USD") => {
    const spec = wish({ devices: 4 }, { budget: { currency, nanos, seconds: 10 } });
    return ask(spec, [four], book);
  };
  t.equal(budget(40_000).outcome.kind, "placed");
  t.match(budget(39_999), {
    outcome: { kind: "refused" },
    reasons: [{ rule: "price.budget", text: /^10 s on 4 devices cost 0\.00004 USD here/ }],
  });
  t.match(budget(40_000, "CLP").reasons, [
    { text: "No 4 devices here have a price in CLP; prices here are in USD." },
  ]);
  t.end();
});

t.test("cores and memory of the host are held by those who ask for them", (t) => {
  const view = (parts: Partial<HostView> = {}) =>
    host("sg-1", sg.place, { devices: [{ ...cpu, slots: 8 }], ...parts });
  const known = { cores: 8, memoryBytes: 100 };
  const rule = (resources: Partial<JobSpec["resources"]>, parts: Partial<HostView> = known) =>
    ask(wish(resources), [view(parts)]).reasons.map(({ rule, text }) => `${rule} ${text}`);
  t.same(rule({ cores: 9 }), ["host.cores The job needs 9 cores; this host has 8."]);
  t.same(rule({ hostMemoryBytes: 101 }), [
    "host.memory The job needs 101 bytes of the host; this one has 100.",
  ]);
  t.same(rule({ cores: 1 }, {}), ["host.cores The job needs 1 cores; this host has 0."], "unknown");
  t.same(rule({ cores: 8, hostMemoryBytes: 100 }), []);
  const half = { ...known, load: [{ device: hostRow, slots: 4, memoryBytes: 60 }] };
  t.same(rule({ cores: 5 }, half), ["host.busy The job needs 5 cores; 4 are free here."]);
  t.same(rule({ cores: 4, hostMemoryBytes: 41 }, half), [
    "host.busy The job needs 41 bytes of the host; 40 are free here.",
  ]);
  t.same(rule({ cores: 4, hostMemoryBytes: 40 }, half), []);
  t.same(rule({}, half), [], "whoever asks for none holds none");
  t.match(ask(wish({ cores: 2 }), [view(known)]).outcome, {
    more: [{ device: hostRow, slots: 2, memoryBytes: 0 }],
  });
  t.notOk("more" in ask(wish({}), [view(known)]).outcome);
  t.end();
});

const anyView = (name: string): fc.Arbitrary<HostView> =>
  fc
    .record({
      count: fc.integer({ min: 0, max: 4 }),
      memoryBytes: fc.integer({ min: 1, max: 3 }),
      country: fc.constantFrom("SG", "CL"),
      own: fc.option(fc.record({ cores: fc.nat(6), memoryBytes: fc.nat(6) }), { nil: undefined }),
    })
    .map(({ count, memoryBytes, country, own }) =>
      host(name, place(country, "private"), {
        devices: [{ ...cpu, memoryBytes: 4, slots: 3 }, ...gpus(count, { memoryBytes })],
        ...own,
      }),
    );

const anyWish = fc
  .record({
    device: fc.constantFrom("any" as const, "cuda" as const),
    devices: fc.constantFrom(undefined, 1, 2, 3),
    memoryBytes: fc.nat(3),
    cores: fc.constantFrom(undefined, 1, 3),
    hostMemoryBytes: fc.constantFrom(undefined, 2, 4),
  })
  .map(({ devices, cores, hostMemoryBytes, ...rest }) =>
    wish({
      ...rest,
      ...(devices === undefined ? {} : { devices }),
      ...(cores === undefined ? {} : { cores }),
      ...(hostMemoryBytes === undefined ? {} : { hostMemoryBytes }),
    }),
  );

t.test("for any fleet: placed where there is room, never over it, and made again", async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ spec: anyWish }) },
    fc.record({ ends: fc.nat(9) }),
  );
  const fleet = fc.tuple(anyView("h-0"), anyView("h-1"), anyView("h-2"));
  await fc.assert(
    fc.asyncProperty(fleet, fc.array(step, { maxLength: 25 }), async (hosts, steps) => {
      const board = new Board(hosts);
      const asks = new Asks(board);
      const papers = new Map<Digest, Uint8Array>();
      const runs: (RunLoad & { readonly host: string })[] = [];
      for (const one of steps) {
        if ("ends" in one) {
          const [run] = runs.splice(one.ends % Math.max(1, runs.length), 1);
          const view = run && (board.view(run.host) as HostView);
          if (run && view) board.put({ ...view, load: withoutRun(view.load, run) });
          continue;
        }
        const { spec } = one;
        const asked = { job: spec, jobDigest: jobDigest(spec), dataSet: undefined };
        const made = decide(asks, { id: "dec-1", at, policy: base, ...asked });
        const { outcome } = made.decision;
        const room = hosts.some((view) =>
          hasRoom(
            spec,
            view,
            runs.filter((run) => run.host === view.name),
          ),
        );
        if (room !== (outcome.kind === "placed")) throw new Error(`${outcome.kind}, not so`);
        papers.set(made.lawPaper.digest, made.lawPaper.content);
        const { digest } = made.origin; // a fleet that comes again keeps the paper that it has
        if (!papers.has(digest)) papers.set(digest, fleetPaper(made.origin).content);
        board.kept(made.origin);
        const again = await replay(made.decision, asked, async (digest) => papers.get(digest));
        if (canonicalJson(again) !== canonicalJson(made.decision)) throw new Error("not the same");
        if (outcome.kind !== "placed") continue;
        const view = hosts.find(({ name }) => name === outcome.host) as HostView;
        const before = runs.filter((run) => run.host === view.name);
        if (!hasRoom(spec, view, before)) throw new Error("over its room");
        const ids = devicesOf(outcome);
        if (new Set(ids).size !== (spec.resources.devices ?? 1)) throw new Error("not so many");
        runs.push(outcome);
        board.take(outcome.host, outcome);
        const known = runs.filter((run) => run.host === view.name).reduce(withRun, []);
        const sorted = [...known].sort((a, b) => (a.device < b.device ? -1 : 1));
        if (canonicalJson(board.view(view.name)?.load) !== canonicalJson(sorted)) {
          throw new Error("another load");
        }
      }
    }),
    { numRuns: 100, endOnFailure: true },
  );
});

t.test("runs of several devices leave, and make room for several, at the least cost", (t) => {
  const devices = [cpu, ...gpus(3)];
  const run = (runId: string, ids: readonly string[], parts: Partial<Running> = {}): Running => {
    const [first, ...more] = holding(...ids);
    const load = { ...(first as RunLoad), ...(more.length === 0 ? {} : { more }) };
    const what = { jobId: `job-${runId}`, jobName: "count", host: "sg-1", owner: "b" };
    return { runId, ...load, ...what, priority: 0, startedAtMs: 0, ...parts };
  };
  const find = (spec: JobSpec, runs: readonly Running[], borrowed = 9) => {
    const load = runs.flatMap(rowsOf).reduce(loaded, []);
    const view = host("sg-1", sg.place, { devices, load, cores: 4 });
    const asked = { job: spec, dataSet: undefined, at };
    const asks = new Asks(new Board([view])).ask(base, asked, undefined);
    const claimant = { owner: "a", priority: 1, ownsNext: () => false };
    const found = preemptionFor(asks, claimant, runs, () => borrowed);
    return found?.map(({ runId }) => runId).sort();
  };
  const one = wish({ device: "cuda" });
  const two = wish({ devices: 2 });
  const pair = run("pair", ["cuda:0", "cuda:1"], { startedAtMs: 5 });
  const single = run("single", ["cuda:2"], { startedAtMs: 9 });
  t.same(find(one, [pair, single]), ["single"], "the newest is the cheapest");
  t.same(find(two, [pair, single]), ["pair"], "one run that makes all the room");
  t.equal(find(two, [pair, single], 1), undefined, "of what is its own nobody loses any");
  t.same(find(one, [pair, { ...single, priority: 1 }]), ["pair"], "by any of its devices");
  const three = [0, 1, 2].map((i) => run(`r${i}`, [`cuda:${i}`], { startedAtMs: i }));
  t.same(find(two, three), ["r1", "r2"]);
  t.equal(find(two, three, 1), undefined, "both are one owner's, who borrowed one");
  const cores = { more: [{ device: hostRow, slots: 4, memoryBytes: 0 }] };
  const busy = [run("busy", ["cpu"], cores), run("other", ["cuda:0"], { startedAtMs: 9 })];
  t.same(find(wish({ device: "cuda", cores: 1 }), busy), ["busy"], "whoever holds the cores");
  t.end();
});

t.test("what there is of drivers uses one device, and says so", (t) => {
  const refused = (resources: object) => {
    const facts = { version: "quipu.dev/v1", name: "count", task: { driver: "hash" } };
    const parsed = jobSpec.safeParse({ ...facts, resources });
    return parsed.success
      ? ""
      : `${parsed.error.issues[0]?.path} ${parsed.error.issues[0]?.message}`;
  };
  const two = "resources,devices is 2, and a run of driver hash can use 1";
  t.equal(refused({ device: "cuda", devices: 2 }), two);
  t.match(refused({ device: "cpu", devices: 2 }), /resources,devices must be 1/);
  t.match(refused({ devices: 0 }), /^resources,devices/);
  t.match(refused({ cores: 0.5 }), /^resources,cores/);
  t.equal(refused({ devices: 1, cores: 2, hostMemoryBytes: 1 }), "");
  t.end();
});

t.test("cores are held from the grant to the end of the run, over a restart too", async (t) => {
  const world = await CoordinatorWorld.open();
  const one = new FakeHost(world);
  await one.attach([], { inventory: inventory(0) });
  const parts = { resources: { cores: 3, hostMemoryBytes: 600 } };
  const first = await world.one(wireJob(parts));
  t.equal(await world.state(first), "placed");
  const second = await world.one(wireJob({ name: "second", ...parts }));
  const light = await world.one(wireJob({ name: "light" }));
  t.same([await world.state(second), await world.state(light)], ["queued", "placed"]);
  const record = await world.store.decisions.get((await world.job(second)).decisionId);
  const { reasons } = JSON.parse(new TextDecoder().decode(record?.content)) as Decision;
  t.match(reasons, [{ rule: "host.busy", text: "The job needs 3 cores; 1 are free here." }]);
  const [held] = one.all("assign");
  await world.start();
  await one.attach(held === undefined ? [] : [held], { inventory: inventory(0) });
  await settle();
  t.equal(await world.state(second), "queued", "what it holds is in the database");
  await one.report(one.seal("succeeded", held));
  t.same([await world.state(first), await world.state(second)], ["succeeded", "placed"]);
  await world.store.close();
});

t.test("several devices are granted by name, counted for the owner, and given back", async (t) => {
  const world = await CoordinatorWorld.open();
  const id = await world.one(wireJob({ resources: { device: "cuda" }, owner: "a" }));
  // As if its driver could use two: nothing behind admission asks which driver it is.
  const before = await world.job(id);
  const asked = JSON.parse(new TextDecoder().decode(before.spec)) as JobSpec;
  const spec = { ...asked, resources: { ...asked.resources, devices: 2 } };
  const changed = { ...before, spec: canonicalBytes(spec), specDigest: jobDigest(spec) };
  await world.store.transact(async ({ jobs }) => {
    await jobs.update({ ...changed, state: "cancelled" });
    await jobs.insert([{ ...changed, id: "job-two", position: before.position + 1 }]);
  });
  await world.start();
  const { core } = world.coordinator;
  core.quotas.set("a", { owner: "a", weight: 1, cuda: { nominal: 1, borrowMax: 0 } });
  const one = new FakeHost(world);
  await one.attach([], { inventory: inventory(3) });
  t.equal(await world.state("job-two"), "queued", "its owner may have one");
  core.quotas.set("a", { owner: "a", weight: 1, cuda: { nominal: 1, borrowMax: 1 } });
  core.queue.lookAgain();
  core.wake();
  await settle();
  t.same([one.assign.device, one.assign.devices], ["cuda:0", ["cuda:0", "cuda:1"]]);
  t.equal(core.runs.usage("a")?.cuda, 2);
  await world.start();
  t.equal(world.coordinator.core.runs.usage("a")?.cuda, 2, "known after a restart");
  const again = new FakeHost(world);
  await again.attach([], { inventory: inventory(3) });
  const rows = world.coordinator.core.runs.load("sg-1").map(({ device }) => device);
  t.same(rows, ["cuda:0", "cuda:1"]);
  await again.lost();
  t.same(again.all("assign").at(-1)?.devices.length, 2, "placed anew, with two");
  t.equal(world.coordinator.core.runs.usage("a")?.cuda, 2);
  await again.attach([again.assign], { inventory: inventory(2) });
  const next = world.coordinator.core;
  next.quotas.set("a", { owner: "a", weight: 1, cuda: { nominal: 9, borrowMax: 0 } });
  const high = wireJob({ name: "high", owner: "a", priority: 1, resources: { device: "cuda" } });
  const { plans = [] } = await planJobs(next)({ specs: [high], all: false } as never, {} as never);
  t.match(plans[0]?.victims, [{ jobId: "job-two", devices: ["cuda:0", "cuda:1"] }]);
  await world.store.close();
});
