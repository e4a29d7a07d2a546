/** What becomes of jobs whose runs end badly, by the cause: elsewhere, never, or parked. */
import fc from "fast-check";
import t from "tap";
import { runUpdate } from "../src/agent/messages.js";
import { type ErrorCode, errorCodes, QuipuError } from "../src/base/errors.js";
import { stepJob } from "../src/coordinator/job/job-machine.js";
import { poisonedHostsMax, retryAfter } from "../src/coordinator/job/retry.js";
import { RunState } from "../src/gen/quipu/v1/attach_pb.js";
import type { Decision } from "../src/model/decision.js";
import { jobDigest } from "../src/model/job.js";
import type { RunFacts } from "../src/model/run.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { explain } from "../src/scheduler/placement/explain.js";
import { CoordinatorWorld, FakeHost, job, refOf, settle, times } from "./coordinator-world.js";
import { at, base, cl, de, holding, sg, job as specOf } from "./scheduler-world.js";
import { jobRecord } from "./store-suite.js";

t.setTimeout(60_000);

const failedWith =
  (code: ErrorCode) =>
  (facts: RunFacts): RunFacts => ({
    ...facts,
    failure: { code, kind: errorCodes[code].kind, message: "as if" },
  });

t.test("a host that failed a job gets it again only when no other could", async (t) => {
  const spec = specOf();
  const ask = (hosts: readonly (typeof sg)[], ...failedHosts: string[]): Decision => {
    const question = { id: "dec-1", at, policy: base, job: spec, jobDigest: jobDigest(spec) };
    const bounds = { failedHosts };
    return decide(new Asks(new Board(hosts)), { ...question, dataSet: undefined, bounds }).decision;
  };
  t.match(ask([sg, cl], "cl-1"), {
    outcome: { host: "sg-1" },
    bounds: { failedHosts: ["cl-1"] },
    reasons: [{ rule: "retry.elsewhere", named: ["cl-1"] }],
  });
  const busy = { ...sg, load: holding("cpu") };
  const waits = ask([busy, cl], "cl-1");
  t.match(waits, { outcome: { kind: "queued" }, bounds: { failedHosts: ["cl-1"] } });
  t.match(explain(waits), { rule: "device.busy", sentence: /^Waiting for sg-1/ });
  for (const others of [[], [{ ...sg, attached: false }], [{ ...sg, cordoned: true }]]) {
    const back = ask([...others, cl], "cl-1");
    t.match(back.outcome, { host: "cl-1" }, "there is nobody else");
    t.notOk("bounds" in back, "and the record says that nothing bound it");
  }
  t.match(ask([sg, de], "sg-1").outcome, { host: "de-1" }, "rather to public capacity than back");
});

t.test("the host's fault: another host; the job's own: its end; the law's: refused", async (t) => {
  const world = await CoordinatorWorld.open();
  const [one, two] = [new FakeHost(world, "sg-1"), new FakeHost(world, "sg-2")];
  await one.attach();
  await two.attach();
  const id = await world.one();
  const first = one.assign;
  await one.report(one.seal("failed", first, failedWith("DEVICE_LOST")));
  t.match(one.ack, { accepted: false, failure: { code: "FENCED" } });
  t.match(await world.job(id), {
    state: "placed",
    epoch: 2,
    host: "sg-2",
    failedHosts: [{ host: "sg-1", code: "DEVICE_LOST" }],
  });
  await two.report(two.seal("failed"));
  t.match(await world.job(id), { state: "failed", failure: { code: "DATA_INVALID" } });
  t.equal(world.log.head().size, 1, "the receipt of the run that counts");

  const last = await world.one(job({ attemptsMax: 1 }));
  await one.report(one.seal("failed", one.assign, failedWith("WORKER_DIED")));
  const receipt = { state: "failed", failure: { code: "WORKER_DIED" }, result: { logIndex: 1 } };
  t.match(await world.job(last), receipt, "its one attempt ends with a receipt, too");
});

t.test(
  "a doubled report while its run is given up ends nothing, also when that fails",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const { store } = world;
    let failures = 0;
    world.store = {
      ...store,
      transact: async (work) => {
        if (failures === 0) return await store.transact(work);
        failures -= 1;
        await settle(); // whatever else is asked meanwhile is done before
        throw new QuipuError("IO", "as if");
      },
    };
    await world.start();
    const one = new FakeHost(world, "sg-1");
    await one.attach();
    const id = await world.one();
    const report = one.seal("failed", one.assign, failedWith("DEVICE_LOST"));
    failures = 1;
    await Promise.all([one.report(report), one.report(report)]);
    t.match(await world.job(id), { state: "placed", epoch: 1, runId: one.assign.runId });
    t.equal(one.ack, undefined, "neither is answered");
    await one.report(report);
    t.match(one.ack, { accepted: false, failure: { code: "FENCED" } }, "asked again, it is lost");
    t.match(await world.job(id), { epoch: 2, failedHosts: [{ code: "DEVICE_LOST" }] });
  },
);

t.test("a job that kills each host it lands on is parked after three", async (t) => {
  const world = await CoordinatorWorld.open();
  const hosts = ["a", "b", "c", "d"].map((letter) => new FakeHost(world, `sg-${letter}`));
  for (const one of hosts) await one.attach();
  const id = await world.one(job({ attemptsMax: 10 }));
  for (let death = 1; death <= poisonedHostsMax; death += 1) {
    const { host: name, epoch } = await world.job(id);
    t.equal(epoch, death);
    const victim = hosts.find((one) => one.name === name);
    if (victim === undefined) throw new Error(`${name} is no host`);
    if (death < 3) {
      await victim.running();
      victim.instance = "second"; // its agent died and is back
      await victim.attach();
    } else {
      for (const other of hosts) if (other !== victim) await other.beat();
      await world.advance(times.leaseMs + times.leaseMarginMs);
      for (const other of hosts) if (other !== victim) await other.beat();
      await world.advance(1);
    }
  }
  const parked = await world.job(id);
  t.match(parked, {
    state: "lost",
    failure: { code: "POISONED", message: /3 hosts died.*sg-a \(WORKER_DIED\).*LEASE_EXPIRED/ },
  });
  t.match(parked.failure?.next, /quipu job retry/);
  await world.start();
  await hosts[3]?.attach();
  t.match(await world.job(id), { state: "lost", epoch: 3 }, "no fourth host gets it");
});

t.test(
  "an agent that is told to end has not died of its run, which costs no attempt",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const hosts = ["a", "b"].map((letter) => new FakeHost(world, `sg-${letter}`));
    for (const one of hosts) await one.attach();
    const id = await world.one(job({ attemptsMax: 1 }));
    const failure = new QuipuError("PREEMPTED", "the host's agent was told to end").toJSON();
    for (let turn = 1; turn <= 4; turn += 1) {
      const { host: name } = await world.job(id);
      const one = hosts.find((host) => host.name === name) as FakeHost;
      const { assign } = one;
      await one.running();
      const state = RunState.LOST;
      await one.report(runUpdate(name, refOf(assign), { state, failure }));
    }
    t.match(await world.job(id), { state: "placed", epoch: 5 });
  },
);

t.test("hosts that do not take a job have not died of it", async (t) => {
  const world = await CoordinatorWorld.open();
  const hosts = ["a", "b", "c", "d"].map((letter) => new FakeHost(world, `sg-${letter}`));
  for (const one of hosts) await one.attach();
  const id = await world.one(job({ attemptsMax: 10 }));
  for (let refusal = 1; refusal <= poisonedHostsMax; refusal += 1) {
    const host = hosts.find((one) => one.all("assign").length > 0 && !one.closed) as FakeHost;
    const failure = new QuipuError("LIMIT_EXCEEDED", "it holds enough").toJSON();
    const state = RunState.LOST;
    await host.report(runUpdate(host.name, refOf(host.assign), { state, failure }));
    host.leave();
  }
  t.match(await world.job(id), {
    ...{ state: "placed", epoch: poisonedHostsMax + 1 },
    failedHosts: Array.from({ length: poisonedHostsMax }, () => ({ code: "UNAVAILABLE" })),
  });
});

t.test("for any causes: attempts, hosts and ends are as the rules say", async (t) => {
  const codes = Object.keys(errorCodes) as ErrorCode[];
  const losses = fc.array(
    fc.record({ code: fc.constantFrom(...codes), host: fc.constantFrom("a", "b", "c", "d") }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(losses, fc.integer({ min: 1, max: 10 }), (list, attemptsMax) => {
      let now = { ...jobRecord, epoch: 0, attemptsMax };
      let paid = 0;
      for (const { code, host: name } of list) {
        const place = { runId: "run-2", host: name, country: "SG", decisionId: "dec-2" };
        const placed = stepJob(now, { kind: "place", ...place }, 1);
        if (placed === undefined) return;
        if (retryAfter(code) !== "free") paid += 1;
        const failure = { code, kind: errorCodes[code].kind, message: "as if" };
        const next = stepJob(placed, { kind: "lose", failure }, 2);
        if (next === undefined) throw new Error("a loss counts for nothing");
        if (retryAfter(code) === "never" && next.state !== "refused")
          throw new Error("asked again");
        if (next.state === "queued" && paid >= attemptsMax) throw new Error("too many attempts");
        const tried = (next.failedHosts ?? []).map((one) => one.host);
        if (new Set(tried).size !== tried.length) throw new Error("a host is named twice");
        if (
          next.state === "queued" &&
          code === "PREEMPTED" &&
          paid !== attemptsMax - (next.attemptsMax - next.epoch)
        )
          throw new Error("leaving cost an attempt");
        now = next as typeof now;
      }
    }),
  );
  t.equal(retryAfter("PREEMPTED"), "free");
  t.equal(retryAfter("REFUSED_BY_POLICY"), "never");
});
