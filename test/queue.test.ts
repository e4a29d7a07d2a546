/** Which job is next: priorities that make room, quotas that are lent and reclaimed, shares, waiting. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import t from "tap";
import { planJobs } from "../src/coordinator/api/plan-jobs.js";
import { setQuota } from "../src/coordinator/api/set-quota.js";
import { PlanJobsRequestSchema } from "../src/gen/quipu/v1/jobs_pb.js";
import { SetQuotaRequestSchema } from "../src/gen/quipu/v1/quota_pb.js";
import { InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import { type DeviceLoad, loaded } from "../src/model/host.js";
import { limitOf, noUsage, type Quota } from "../src/model/quota.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { preemptionFor, type Running } from "../src/scheduler/placement/preempt.js";
import type { Waiting } from "../src/scheduler/queue/line.js";
import { Queue } from "../src/scheduler/queue/queue.js";
import { agingMs, Round } from "../src/scheduler/queue/round.js";
import { Shares } from "../src/scheduler/queue/shares.js";
import { CoordinatorWorld, FakeHost, job } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { at, base, cpu, gpu, host, place, job as specOf } from "./scheduler-world.js";

t.setTimeout(60_000);

const call = { signal: new AbortController().signal, peer: "unix" };

function waiting(id: string, position: number, parts: Partial<Waiting> = {}): Waiting {
  const facts = { owner: "a", priority: 0, wish: "", kinds: ["cpu"] as const, sinceMs: 0 };
  return { id, position, ...facts, isDecided: true, rule: "", isGone: false, ...parts };
}

function sharesOf(quotas: readonly Quota[], used: Record<string, number> = {}, capacity = 10) {
  return new Shares({
    quotas: new Map(quotas.map((quota) => [quota.owner, quota])),
    capacity: { cpu: capacity, cuda: 0 },
    used: (owner) => ({ ...noUsage(), cpu: used[owner] ?? 0 }),
  });
}

/** The order in which a round with room for so many would place them. */
function order(jobs: readonly Waiting[], shares: Shares, room: number, nowMs = 0): string[] {
  const queue = new Queue();
  for (const one of jobs) queue.add(one);
  const round = new Round(queue, shares, nowMs);
  const placed: string[] = [];
  for (let one = round.next(true); one !== undefined; one = round.next(true)) {
    const full = placed.length >= room || shares.claim(one.owner, "cpu") === "none";
    if (full) round.waits(one);
    else {
      placed.push(one.id);
      round.placed(one, "cpu");
    }
  }
  round.end();
  return placed;
}

t.test("turns: own before lent, the smaller share, the higher priority, the earlier job", (t) => {
  const many = (owner: string, from: number, parts: Partial<Waiting> = {}) =>
    [0, 1, 2].map((at) => waiting(`${owner}${at}`, from + at, { owner, ...parts }));
  t.same(
    order([...many("a", 0), ...many("b", 3)], sharesOf([]), 4),
    ["a0", "b0", "a1", "b1"],
    "shares that are equal take turns",
  );
  const twice: Quota = { owner: "b", weight: 2 };
  t.same(order([...many("a", 0), ...many("b", 3)], sharesOf([twice]), 5), [
    "a0",
    "b0",
    "b1",
    "a1",
    "b2",
  ]);
  const own: Quota = { owner: "b", weight: 1, cpu: { nominal: 2 } };
  t.same(order([...many("a", 0), ...many("b", 3)], sharesOf([own]), 4), ["b0", "b1", "a0", "a1"]);
  const limited: Quota = { owner: "a", weight: 1, cpu: { nominal: 1, borrowMax: 0 } };
  t.same(order(many("a", 0), sharesOf([limited]), 9), ["a0"]);
  const urgent = waiting("urgent", 9, { priority: 5 });
  t.same(order([...many("a", 0), urgent], sharesOf([]), 2), ["urgent", "a0"]);
  const late = waiting("late", 9, { priority: 5, sinceMs: 6 * agingMs });
  t.same(
    order([...many("a", 0), late], sharesOf([]), 1, 6 * agingMs),
    ["a0"],
    "whoever has waited for long comes before whatever is new",
  );
  const alike = [waiting("x0", 0, { wish: "x" }), waiting("x1", 1, { wish: "x" })];
  const queue = new Queue();
  for (const one of [...alike, waiting("y", 2, { wish: "y" })]) queue.add(one);
  const round = new Round(queue, sharesOf([]), 0);
  const looked: string[] = [];
  for (let one = round.next(true); one !== undefined; one = round.next(true)) {
    looked.push(one.id);
    round.waits(one);
  }
  t.same(looked, ["x0", "y"], "one of those that ask for the same");
  t.end();
});

const anyQuota = fc.record({
  weight: fc.integer({ min: 1, max: 3 }),
  cpu: fc.option(
    fc.record(
      { nominal: fc.nat({ max: 3 }), borrowMax: fc.nat({ max: 2 }) },
      { requiredKeys: ["nominal"] },
    ),
    { nil: undefined },
  ),
});
const anyJobs = fc.array(
  fc.record({
    owner: fc.constantFrom("a", "b", "c"),
    priority: fc.integer({ min: -2, max: 2 }),
    wish: fc.constantFrom("x", "y"),
  }),
  { maxLength: 30 },
);

t.test(
  "for any queue: no quota is breached, and no device stays free that somebody may have",
  (t) => {
    fc.assert(
      fc.property(
        anyJobs,
        fc.tuple(anyQuota, anyQuota),
        fc.nat({ max: 12 }),
        (list, [a, b], room) => {
          const quotas = [a, b].map((one, at) => ({ ...one, owner: "ab"[at] as string }) as Quota);
          const jobs = list.map((parts, at) => waiting(`j${at}`, at, parts));
          const placed = order(jobs, sharesOf(quotas), room);
          if (new Set(placed).size !== placed.length) throw new Error("a job is placed twice");
          let lawful = 0;
          for (const owner of ["a", "b", "c"]) {
            const quota = quotas.find((one) => one.owner === owner);
            const has = placed.filter((id) => jobs[Number(id.slice(1))]?.owner === owner).length;
            if (has > limitOf(quota, "cpu")) throw new Error(`${owner} has ${has}`);
            const asks = jobs.filter((one) => one.owner === owner).length;
            lawful += Math.min(asks, limitOf(quota, "cpu"));
          }
          if (placed.length !== Math.min(room, lawful))
            throw new Error(`${placed.length} of ${lawful}`);
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 40 })), { maxLength: 60 }),
        (ops) => {
          const queue = new Queue();
          const there = new Map<string, number>();
          for (const [kind, position] of ops) {
            const id = `j${position}`;
            if (kind === 3) queue.remove(id);
            else queue.add(waiting(id, position, { wish: `${kind}`, priority: kind % 2 }));
            if (kind === 3) there.delete(id);
            else there.set(id, position);
          }
          const round = new Round(queue, sharesOf([]), 0);
          const seen: string[] = [];
          for (let one = round.next(true); one !== undefined; one = round.next(true)) {
            seen.push(one.id);
            round.placed(one, "cpu");
          }
          if (seen.length !== there.size || queue.size !== 0) throw new Error("a job is lost");
          if (!seen.every((id) => there.has(id))) throw new Error("a job came back");
        },
      ),
    );
    t.end();
  },
);

t.test("a job that is queued anew while it is looked at stays in the queue", async (t) => {
  const queue = new Queue();
  queue.add(waiting("x", 1));
  const round = new Round(queue, sharesOf([]), 0);
  const seen = round.next(true) as Waiting;
  const anew = waiting("x", 1);
  queue.add(anew);
  round.left(seen);
  t.equal(queue.get("x"), anew);
  t.equal(round.next(true), anew);
  round.left(anew);
  t.equal(round.next(true), undefined);
  round.end();
});

t.test("nothing starves: a lowly job comes before an endless stream of higher ones", (t) => {
  const minuteMs = 60_000;
  const queue = new Queue();
  queue.add(waiting("lowly", 0, { priority: -10 }));
  let placed = "";
  let minutes = 0;
  for (; placed !== "lowly" && minutes < 1_000; minutes += 1) {
    const sinceMs = minutes * minuteMs;
    queue.add(waiting(`high-${minutes}`, minutes + 1, { priority: 10, sinceMs }));
    const round = new Round(queue, sharesOf([]), sinceMs);
    const next = round.next(true);
    if (next !== undefined) round.placed(next, "cpu");
    round.end();
    placed = next?.id ?? "";
  }
  t.ok(minutes <= (20 * agingMs) / minuteMs + 1, `after ${minutes} minutes`);
  const two = new Queue();
  two.add(waiting("poor", 0, { owner: "poor", priority: -10 }));
  for (let at = 1; at < 100; at += 1) two.add(waiting(`rich-${at}`, at, { priority: 10 }));
  const round = new Round(two, sharesOf([]), 0);
  const order: string[] = [];
  for (let one = round.next(true); one !== undefined && order.length < 2; one = round.next(true)) {
    order.push(one.owner);
    round.placed(one, "cpu");
  }
  t.ok(order.includes("poor"), "and no priority of one owner starves another");
  t.end();
});

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
    return found?.victims.map(({ runId, rule }) => `${runId} ${rule}`);
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
      const each = [...places].flatMap(
        (at) => find(runs.filter((one) => `${one.host} ${one.device}` === at)) ?? [],
      );
      const costs = each.map(({ victims }) => costText(victims)).sort();
      if (costs[0] !== (found && costText(found.victims))) throw new Error("not the cheapest");
      for (const { owner, priority } of found?.victims ?? []) {
        if (owner === "c" || (owner === "a" && priority >= 1)) throw new Error("may not leave");
      }
      const ofB = found?.victims.filter(({ owner }) => owner === "b").length ?? 0;
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

t.test("quotas: limits hold, what is free is lent, and is reclaimed", async (t) => {
  const world = await CoordinatorWorld.open();
  const core = () => world.coordinator.core;
  const set = (quota: MessageInitShape<typeof SetQuotaRequestSchema>["quota"]) =>
    setQuota(core())(create(SetQuotaRequestSchema, { quota }), call);
  const hosts = [new FakeHost(world, "sg-1"), new FakeHost(world, "sg-2")];
  const cpuOf = (nominal: number, borrowMax?: number) => [
    { kind: "cpu", nominal, ...(borrowMax === undefined ? {} : { borrowMax }) },
  ];
  await set({ owner: "a", kinds: cpuOf(1) });
  await set({ owner: "b", kinds: cpuOf(0, 1) });
  t.equal((await failure(set({ owner: "", kinds: [] }))).code, "INVALID_ARGUMENT");
  t.match(await failure(set({ owner: "a", kinds: [{ kind: "tpu" }] })), { message: /cpu or cuda/ });
  await world.start();
  for (const one of hosts) await one.attach();
  const of = (owner: string, parts: object = {}) => job({ owner, ...parts });
  const [b1 = "", b2 = ""] = await world.submit(of("b"), of("b"));
  t.match(
    [await world.state(b1), await world.state(b2)],
    ["placed", "queued"],
    "also after a restart",
  );
  const kept = await world.store.decisions.get((await world.job(b2)).decisionId);
  t.match(
    Buffer.from(kept?.content ?? []).toString(),
    /quota\.devices.*b uses 1 cpu devices, and its quota is 1/,
  );
  const [c1 = ""] = await world.submit(of("c", { priority: 9 }));
  t.equal(await world.state(c1), "placed", "what nobody uses is lent");
  const [a1 = ""] = await world.submit(of("a"));
  const told = hosts.flatMap((one) => one.all("cancel"));
  t.equal(told.length, 1);
  t.match(told[0]?.reason, /by preempt\.reclaim/);
  const leaving = (await world.store.runs.get(told[0]?.runId ?? ""))?.host;
  const from = hosts.find(({ name }) => name === leaving) as FakeHost;
  t.equal(
    (await world.store.runs.get(told[0]?.runId ?? ""))?.jobId,
    b1,
    "the lower priority leaves",
  );
  await from.report(from.seal("cancelled"));
  t.match(await world.job(a1), { state: "placed", host: leaving });
  const [a2 = ""] = await world.submit(of("a"));
  t.equal(await world.state(a2), "queued", "beyond its own it makes nobody leave");
  t.equal(hosts.flatMap((one) => one.all("cancel")).length, 1);
  await set({ owner: "a", kinds: cpuOf(2) });
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  t.equal(hosts.flatMap((one) => one.all("cancel")).length, 2, "a quota that grows is looked at");
});
