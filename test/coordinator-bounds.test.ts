/** What a coordinator holds at once while the log or the database stands still, and how it goes on. */
import t from "tap";
import { LogBook } from "../src/coordinator/log/log-book.js";
import { receiptsOwedMax } from "../src/coordinator/log/receipts-owed.js";
import { whyNotReady } from "../src/coordinator/serve.js";
import type { CoordinatorStore } from "../src/io/store/coordinator-store.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { leafHash } from "../src/proof/tlog/hash.js";
import { CoordinatorWorld, FakeHost, job, settle, times } from "./coordinator-world.js";

t.test("a log too far behind: nothing placed, nothing taken in, and on by itself", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  const { core } = world.coordinator;
  const [first, second] = await world.submit(job(), job());
  const update = host.seal();
  for (let i = 1; i < receiptsOwedMax; i += 1) core.receiptsOwed.add(`run-${i}`);
  t.equal(core.receiptsOwed.fault, undefined, "one below the limit");
  core.receiptsOwed.add("run-last");
  t.match(core.receiptsOwed.fault, /16384 receipts wait for the log/);
  t.match(world.troubles.at(-1), /^log: 16384 receipts/);
  const ready = () => whyNotReady({ silence: undefined }, world.store, world.coordinator);
  t.match(await ready(), /nothing is placed until it does/, "and health says so");
  await host.report(update);
  t.equal(host.ack, undefined, "not answered, so that the host keeps it");
  t.equal(await world.store.receipts.get(host.assign.runId), undefined);
  t.same(await host.beat(host.assign), [], "its run goes on to count");
  await host.lost();
  t.equal(await world.state(first ?? ""), "queued", "what has no receipt is taken in");
  t.equal(host.all("assign").length, 1, "nothing is placed");
  const late = await world.one();
  t.equal(await world.state(late), "queued");

  const owed = [...core.receiptsOwed];
  for (const runId of owed.slice(0, receiptsOwedMax / 2 - 1)) core.receiptsOwed.delete(runId);
  t.ok(core.receiptsOwed.isFull, "it goes on when half of it is in the log");
  for (const runId of owed) core.receiptsOwed.delete(runId);
  await settle();
  t.equal(await ready(), undefined);
  t.equal(host.all("assign").length, 2, "placing goes on unasked");
  t.equal(host.assign.jobId, first);
  await host.report(host.seal());
  t.match(host.ack, { accepted: true, logIndex: 0n });
  t.equal(host.assign.jobId, second);
  await world.store.close();
});

t.test("of owed receipts many go at once, and a bad one holds up none", async (t) => {
  const world = await CoordinatorWorld.open();
  const { core } = world.coordinator;
  const owed = Array.from({ length: 600 }, (_, i) => `run-${i}`);
  for (const runId of owed) core.receiptsOwed.add(runId);
  const { get } = world.store.receipts;
  let [underWay, mostUnderWay, asked] = [0, 0, 0];
  let isDown = true;
  world.store.receipts.get = async (runId) => {
    asked += 1;
    underWay += 1;
    mostUnderWay = Math.max(mostUnderWay, underWay);
    await settle();
    underWay -= 1;
    if (isDown || runId === "run-7") throw new Error("down");
    return await get(runId);
  };
  const tick = async () => {
    await world.advance(250);
    for (let turn = 0; turn < 20; turn += 1) await settle();
  };
  await tick();
  t.same([asked, mostUnderWay], [256, 256], "where all of them fail the others wait");
  t.match(world.troubles, ["receipt of run run-0 and 255 more: down"], "and it is told once");
  isDown = false;
  await tick();
  t.same([...core.receiptsOwed], ["run-7"]);
  world.store.receipts.get = get;
  await tick();
  t.equal(core.receiptsOwed.size, 0);
  await world.store.close();
});

t.test("ends of runs that one host says at once are bounded; its beats are heard", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  await world.one();
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const stage = world.logStore.stage.bind(world.logStore);
  world.logStore.stage = async (...given) => {
    await held;
    return await stage(...given);
  };
  const update = host.seal();
  await Promise.all(Array.from({ length: 2_100 }, () => host.report(update)));
  t.same(await host.beat(host.assign), [], "no reader waits for the log");
  t.equal(host.ack, undefined);
  release();
  for (let turn = 0; turn < 20; turn += 1) await settle();
  t.equal(host.all("runAck").length, 2_048, "what was said beyond is not answered");
  await host.report(update);
  t.equal(host.all("runAck").length, 2_049, "and is when it is said again");
  await world.store.close();
});

t.test("a start reads many rows at a time", async (t) => {
  const world = await CoordinatorWorld.open();
  const hosts = [new FakeHost(world, "sg-1"), new FakeHost(world, "sg-2")];
  for (const host of hosts) await host.attach();
  const ids = await world.submit(job(), job());
  const { jobs, decisions } = world.store;
  const one = (): never => {
    throw new Error("a row was read alone");
  };
  const [getJob, getDecision] = [jobs.get, decisions.get];
  Object.assign(jobs, { get: one });
  Object.assign(decisions, { get: one });
  await world.start();
  Object.assign(jobs, { get: getJob });
  Object.assign(decisions, { get: getDecision });
  const runs = [...world.coordinator.core.runs.all()].map(({ run }) => run.jobId);
  t.same(runs.sort(), [...ids].sort());
  await world.store.close();
});

t.test("ticks that a stalled database holds up are one", async (t) => {
  const world = await CoordinatorWorld.open();
  const silent = new FakeHost(world);
  await silent.attach();
  await world.one(job({ deadline: "2100-01-01T00:00:00Z" }));
  const { due } = world.store.jobs;
  let asked = 0;
  let answer: () => void = () => {};
  world.store.jobs.due = async (...given) => {
    asked += 1;
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return await due(...given);
  };
  world.nowMs += times.leaseMs + times.leaseMarginMs + 1;
  const ticks = Array.from({ length: 5 }, () => world.coordinator.tick());
  world.nowMs += 5_000;
  ticks.push(world.coordinator.tick());
  await settle();
  t.equal(asked, 1);
  t.equal(new Set(ticks).size, 1);
  t.ok(silent.closed, "a silent stream is closed all the same");
  answer();
  await Promise.all(ticks);
  world.store.jobs.due = due;
  t.not(world.coordinator.tick(), ticks[0], "the next one is one of its own");
  await settle();
  await world.store.close();
});

t.test("the cache of the log is looked through from its newest mark on", async (t) => {
  const store = await openCoordinatorStore(":memory:");
  const marks: number[] = [];
  const watched: CoordinatorStore = {
    ...store,
    transact: (work) =>
      store.transact((tables) => {
        const mark = (completeTo: number) => {
          marks.push(completeTo);
          return tables.logIndex.mark(completeTo);
        };
        return work({ ...tables, logIndex: { ...tables.logIndex, mark } });
      }),
  };
  const entries: Uint8Array[] = [];
  const append = async (entry: Uint8Array) => ({ index: entries.push(entry) - 1 });
  const read: number[] = [];
  const log = {
    append,
    head: () => ({ size: entries.length }),
    leafHashes: async (first: number, end: number) => {
      read.push(first);
      return entries.slice(first, end).map(leafHash);
    },
  } as unknown as ConstructorParameters<typeof LogBook>[0];
  const entry = (i: number) => new TextEncoder().encode(`entry ${i}`);
  const book = new LogBook(log, watched);
  for (let at = 0; at < 5_000; at += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, i) => book.append(entry(at + i), true)));
  }
  t.same(marks, [4_500], "what was committed when 4,096 more were there");
  entries.push(entry(5_000)); // committed by a process that died before it told the cache
  const next = new LogBook(log, watched);
  t.equal(await next.append(entry(5_000)), 5_000, "found, not appended again");
  t.same(read, [5_000], "what is complete is not read again");
  t.same(marks, [4_500, 5_001]);
  t.equal(entries.length, 5_001);
  await store.close();
});
