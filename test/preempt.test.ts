/** Who has to leave so that another job gets a device, and what becomes of both. */
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import t from "tap";
import { planJobs } from "../src/coordinator/api/plan-jobs.js";
import { PlanJobsRequestSchema } from "../src/gen/quipu/v1/jobs_pb.js";
import { InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import { type DeviceLoad, loaded } from "../src/model/host.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { preemptionFor, type Running } from "../src/scheduler/placement/preempt.js";
import { CoordinatorWorld, FakeHost, job } from "./coordinator-world.js";
import { at, base, cpu, gpu, host, place, job as specOf } from "./scheduler-world.js";

const call = { signal: new AbortController().signal, peer: "unix" };

function running(runId: string, parts: Partial<Running> = {}): Running {
  const where = { host: "sg-1", device: "cpu", slots: 1, memoryBytes: 0 };
  const what = { jobId: `job-${runId}`, jobName: "count", owner: "b", priority: 0 };
  return { runId, ...where, ...what, startedAtMs: 0, ...parts };
}

t.test("who leaves: the least work lost, only where the job is then lawful, and by a rule", (t) => {
  const full = (name: string, where = place("SG", "private")) =>
    host(name, where, { load: [{ device: "cpu", slots: cpu.slots, memoryBytes: 0 }] });
  const hosts = [full("sg-1"), full("sg-2"), { ...full("de-1", place("DE", "public")) }];
  const whole = { slots: cpu.slots };
  const find = (
    runs: readonly Running[],
    parts: Record<string, unknown> = {},
    borrowed = 9,
    owns = false,
  ) => {
    const spec = specOf({ owner: "a", ...parts });
    const ask = new Asks(new Board(hosts)).ask(
      base,
      { job: spec, dataSet: undefined, at },
      undefined,
    );
    const claimant = { owner: "a", priority: spec.priority ?? 0, ownsNext: () => owns };
    const found = preemptionFor(ask, claimant, runs, () => borrowed);
    return found?.map(({ runId, rule }) => `${runId} ${rule}`);
  };
  const old = running("old", { ...whole, startedAtMs: 1 });
  const young = running("young", { ...whole, host: "sg-2", startedAtMs: 9 });
  t.equal(find([old, young]), undefined, "nobody leaves for an equal");
  t.same(find([old, young], { priority: 1 }), ["young preempt.priority"]);
  const low = { ...old, priority: -1 };
  t.same(find([low, young], { priority: 1 }), ["old preempt.priority"], "the lower priority first");
  t.equal(find([old, young], { priority: 1 }, 0), undefined, "what is another's own stays");
  t.same(find([{ ...old, owner: "a" }], { priority: 1 }, 0), ["old preempt.priority"]);
  t.same(find([old, young], {}, 9, true), ["young preempt.reclaim"]);
  const only = { priority: 1, placement: { hosts: ["sg-1"] } };
  t.same(find([old, young], only), ["old preempt.priority"], "where it may run");
  t.equal(find([old, young], { ...only, placement: { hosts: ["cl-9"] } }), undefined);
  t.equal(find([old, young], { priority: 1, resources: { device: "cuda" } }), undefined);
  const light = Array.from({ length: cpu.slots }, (_, i) =>
    running(`light-${i}`, { startedAtMs: i }),
  );
  t.equal(find(light, { priority: 1 })?.length, 1, "one slot is enough for a light job");
  t.end();
});

t.test("for any fleet: of all devices that may be had the cheapest, and none that may not", (t) => {
  const anyRun = fc.record({
    host: fc.constantFrom("sg-1", "sg-2", "de-1", "cl-9"),
    device: fc.constantFrom("cpu", "cuda:0"),
    owner: fc.constantFrom("a", "b", "c"),
    priority: fc.integer({ min: -1, max: 2 }),
    startedAtMs: fc.nat({ max: 9 }),
    slots: fc.integer({ min: 1, max: 2 }),
  });
  const devices = [
    { ...cpu, slots: 3 },
    { ...gpu, slots: 2 },
  ];
  const wish = fc.constantFrom(
    {},
    { placement: { countries: ["SG"] } },
    { resources: { device: "cuda" } },
  );
  fc.assert(
    fc.property(fc.array(anyRun, { maxLength: 14 }), wish, fc.boolean(), (list, parts, owns) => {
      const runs = list.map((one, at) => running(`r${at}`, one));
      const hosts = ["sg-1", "sg-2", "de-1"].map((name) => {
        const held = runs.filter((one) => one.host === name);
        const known = held.reduce<DeviceLoad[]>((sum, one) => loaded(sum, one), []);
        // Full of what may leave, and of what nobody knows of.
        const load = devices.map(({ id, slots }) => {
          const has = known.find(({ device }) => device === id)?.slots ?? 0;
          return { device: id, slots: Math.max(slots, has), memoryBytes: 0 };
        });
        const where = place(name === "de-1" ? "DE" : "SG", "private");
        return host(name, where, { devices, load });
      });
      const spec = specOf({ owner: "a", priority: 1, ...parts });
      const board = new Board(hosts);
      const ask = new Asks(board).ask(base, { job: spec, dataSet: undefined, at }, undefined);
      const borrowed = (owner: string) => (owner === "b" ? 1 : 0);
      const claimant = { owner: "a", priority: 1, ownsNext: () => owns };
      const find = (some: readonly Running[]) => preemptionFor(ask, claimant, some, borrowed);
      const found = find(runs);
      const places = new Set(runs.map((one) => `${one.host} ${one.device}`));
      const each = [...places].flatMap((at) => {
        const there = find(runs.filter((one) => `${one.host} ${one.device}` === at));
        return there === undefined ? [] : [there];
      });
      const costs = each.map(costText).sort();
      if (costs[0] !== (found && costText(found))) throw new Error("not the cheapest");
      for (const { owner, priority } of found ?? []) {
        if (owner === "c" || (owner === "a" && priority >= 1)) throw new Error("may not leave");
      }
      const ofB = found?.filter(({ owner }) => owner === "b").length ?? 0;
      if (ofB > 1) throw new Error("more than was borrowed");
    }),
  );
  t.end();
});

/** Comparable as text. */
function costText(victims: readonly Running[]): string {
  const priority = Math.max(...victims.map((one) => one.priority)) + 5;
  const lost = 9_000 - victims.reduce((sum, { startedAtMs }) => sum + startedAtMs, 0);
  return `${priority} ${String(victims.length).padStart(2, "0")} ${lost}`;
}

t.test("a job of higher priority makes room, as the plan said it would", async (t) => {
  const world = await CoordinatorWorld.open();
  const one = new FakeHost(world);
  await one.attach();
  const low = await world.one(job({ name: "low", attemptsMax: 1 }));
  const first = one.assign;
  await one.running();
  const other = await world.one(job({ name: "other" }));
  const specs = [job({ name: "high", priority: 5 })];
  const plan = planJobs(world.coordinator.core);
  const { plans } = (await plan(create(PlanJobsRequestSchema, { specs, all: true }), call)) as {
    plans: { victims: object[]; refused: { rule: string; host: string }[] }[];
  };
  t.match(plans[0]?.victims, [
    { jobId: low, jobName: "low", host: "sg-1", rule: "preempt.priority" },
  ]);
  t.match(plans[0]?.refused, [{ host: "sg-1", rule: "device.busy" }]);
  t.equal(await world.state(low), "running", "a plan makes nobody leave");
  const high = await world.one(specs[0]);
  t.match(one.all("cancel"), [{ runId: first.runId, reason: /high of local, priority 5/ }]);
  t.same(
    [await world.state(high), await world.state(low)],
    ["queued", "running"],
    "placed only when it is there",
  );
  await one.report(one.seal("cancelled", first));
  t.match(await world.job(high), { state: "placed", host: "sg-1" });
  t.match(await world.job(low), {
    state: "queued",
    failure: { code: "PREEMPTED", message: /preempt\.priority/ },
  });
  await one.report(one.seal());
  t.equal(await world.state(low), "placed", "before what came later, and for its one attempt");
  await one.report(one.seal());
  await one.report(one.seal());
  t.same([await world.state(low), await world.state(other)], ["succeeded", "succeeded"]);
});

t.test(
  "what several runs leave is held until the job that they made room for has it",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const one = new FakeHost(world);
    const device = { id: "cpu", model: "x86", memoryBytes: 2n ** 33n, backends: ["portable"] };
    const inventory = create(InventorySchema, { devices: [{ ...device, slots: 4 }] });
    await one.attach([], { inventory });
    const resources = { memoryBytes: 2 ** 32 };
    const light = await world.submit(job({ resources }), job({ resources }));
    const [first, second] = one.all("assign");
    const high = await world.one(job({ priority: 5, resources: { memoryBytes: 2 ** 33 } }));
    t.equal(one.all("cancel").length, 2, "both have to leave");
    await one.report(one.seal("cancelled", first));
    t.same(await Promise.all(light.map((id) => world.state(id))), ["queued", "placed"]);
    t.equal(await world.state(high), "queued", "what one has left is kept for it");
    await one.report(one.seal("cancelled", second));
    t.equal(await world.state(high), "placed");
    t.equal(one.all("cancel").length, 2, "nobody had to leave twice");
    await one.report(one.seal());
    t.same(await Promise.all(light.map((id) => world.state(id))), ["placed", "placed"]);
  },
);
