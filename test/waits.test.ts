/** What a job waited for: durable, short, and told by the one reason that took longest. */
import fc from "fast-check";
import t from "tap";
import { waitText } from "../src/cli/job/job-view.js";
import { durationText } from "../src/cli/table.js";
import { jobMessage } from "../src/coordinator/wire.js";
import { type WaitHistory, waitingFor, waitOver, waitTotals } from "../src/model/waits.js";
import { CoordinatorWorld, FakeHost, job } from "./coordinator-world.js";

t.setTimeout(60_000);

t.test("for any reasons at any times: short, in order, and every moment counted once", (t) => {
  const step = fc.record({
    rule: fc.option(
      fc.integer({ min: 0, max: 99 }).map((n) => `rule-${n}`),
      { nil: undefined },
    ),
    ms: fc.integer({ min: -50, max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let history: WaitHistory | undefined;
      let atMs = 1_000_000;
      let sumMs = 0;
      let sinceMs: number | undefined;
      for (const { rule, ms } of steps) {
        atMs += ms;
        const isSame = history?.intervals.at(-1)?.rule === rule;
        if (sinceMs !== undefined && !isSame) {
          sumMs += Math.max(0, atMs - sinceMs);
          sinceMs = undefined;
        }
        history = rule === undefined ? waitOver(history, atMs) : waitingFor(history, rule, atMs);
        if (rule !== undefined) sinceMs ??= atMs;
      }
      const { intervals = [], totalsMs = {} } = history ?? {};
      if (intervals.length > 16 || Object.keys(totalsMs).length > 65) throw new Error("too long");
      for (const [at, { fromMs, untilMs }] of intervals.entries()) {
        if (untilMs === undefined && at < intervals.length - 1) throw new Error("two that last");
        if (untilMs !== undefined && untilMs < fromMs) throw new Error("negative time");
      }
      const toldMs = Object.values(totalsMs).reduce((sum, one) => sum + one, 0);
      if (toldMs !== sumMs) throw new Error(`${toldMs} of ${sumMs} ms`);
      const totals = waitTotals(history, atMs).map(({ ms }) => ms);
      if (totals.some((one, at) => one > (totals[at - 1] ?? one))) throw new Error("not in order");
    }),
  );
  t.same([1_000, 119_400, 600_000, 7_200_000, 200_000_000].map(durationText), [
    "1 s",
    "119 s",
    "10 min",
    "2 h",
    "2 d",
  ]);
  t.end();
});

t.test(
  "a job tells each reason that it waited for, over restarts, until it is placed",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const told = async (id: string) => {
      const { waits = [], waitTotals = [] } = await jobMessage(
        world.coordinator.core,
        await world.job(id),
      );
      return {
        rules: waits.map(({ rule }) => rule),
        isOpen: waits.some(({ until }) => until === undefined),
        totals: waitTotals.map(({ rule, durationMs }) => `${rule} ${durationMs}`),
      };
    };
    const [first = "", second = "", after = ""] = await world.submit(
      job({ name: "first" }),
      job({ name: "second" }),
      job({ name: "after", after: ["second"] }),
    );
    await world.advance(4_000);
    await world.start();
    t.same(await told(first), {
      rules: ["fleet.empty"],
      isOpen: true,
      totals: ["fleet.empty 4000"],
    });
    const host = new FakeHost(world);
    await host.attach();
    t.same(await told(first), {
      rules: ["fleet.empty"],
      isOpen: false,
      totals: ["fleet.empty 4000"],
    });
    await host.running();
    await world.advance(1_000);
    t.same((await told(second)).rules, ["fleet.empty", "device.busy"]);
    for (let beat = 0; beat < 3; beat += 1) {
      await world.advance(5_000);
      await host.beat(host.assign);
    }
    await host.report(host.seal());
    t.same(await told(second), {
      rules: ["fleet.empty", "device.busy"],
      isOpen: false,
      totals: ["device.busy 15000", "fleet.empty 5000"],
    });
    const waited = [
      { rule: "device.busy", ms: 15_000 },
      { rule: "fleet.empty", ms: 4_000 },
    ];
    t.equal(waitText({ waited }), "19 s: device.busy 15 s, fleet.empty 4 s");
    t.same(await told(after), {
      rules: ["graph.after"],
      isOpen: true,
      totals: ["graph.after 20000"],
    });
    await host.report(host.seal());
    t.same((await told(after)).totals, ["graph.after 20000"]);
    t.equal(await world.state(after), "placed");
  },
);

t.test(
  "when the first of many alike waits for something else, those behind it are told",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const ids = await world.submit(job(), job(), job());
    const host = new FakeHost(world);
    await host.attach([], { inventory: { devices: [] } });
    await world.advance(1_000);
    const rules = await Promise.all(
      ids.map(async (id) => (await world.job(id)).waits?.intervals.map(({ rule }) => rule)),
    );
    t.same(rules, Array(3).fill(["fleet.empty", "device.kind"]));
  },
);
