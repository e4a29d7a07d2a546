/** Which job is next: quotas that are lent and reclaimed, shares, priorities, waiting. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import t from "tap";
import { setQuota } from "../src/coordinator/api/set-quota.js";
import { SetQuotaRequestSchema } from "../src/gen/quipu/v1/quota_pb.js";
import { limitOf, noUsage, type Quota } from "../src/model/quota.js";
import type { Waiting } from "../src/scheduler/queue/line.js";
import { Queue } from "../src/scheduler/queue/queue.js";
import { agingMs, Round } from "../src/scheduler/queue/round.js";
import { Shares } from "../src/scheduler/queue/shares.js";
import { CoordinatorWorld, FakeHost, job } from "./coordinator-world.js";
import { failure } from "./failure.js";

t.setTimeout(60_000);

const call = { signal: new AbortController().signal, peer: "unix" };

function waiting(id: string, position: number, parts: Partial<Waiting> = {}): Waiting {
  const facts = {
    owner: "a",
    priority: 0,
    wish: "",
    kinds: ["cpu"] as const,
    devices: 1,
    sinceMs: 0,
  };
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
