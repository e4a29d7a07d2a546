/** Hosts that are cordoned or drained, and sites that fall silent at once. */
import t from "tap";
import { brakeMs } from "../src/coordinator/host/brake.js";
import { cordonHost, uncordonHost } from "../src/coordinator/host/cordon.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { CoordinatorWorld, FakeHost, job, times } from "./coordinator-world.js";

t.setTimeout(60_000);

t.test(
  "a cordoned host gets nothing new; a drained one gives up what it has, which costs no attempt",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const [one, two] = [new FakeHost(world, "sg-1"), new FakeHost(world, "sg-2")];
    await one.attach();
    const id = await world.one(job({ attemptsMax: 1 }));
    const first = one.assign;
    await one.running();
    const core = () => world.coordinator.core;
    t.match(await cordonHost(core(), "sg-1", { reason: "new fans" }), {
      cordon: { reason: "new fans" },
    });
    await t.rejects(cordonHost(core(), "sg-9", { reason: "" }), { code: "NOT_FOUND" });
    const waiting = await world.one();
    t.equal(await world.state(waiting), "queued");
    const why = (await core().fleet.ask(JSON.parse(Buffer.from(job()).toString()))).of("sg-1");
    t.match(why, { fault: { rule: "host.cordoned" } });
    await world.start();
    await one.attach([first]);
    t.equal(await world.state(waiting), "queued", "also after a restart of both");
    t.equal(await world.state(id), "running", "what runs there goes on");
    await cordonHost(core(), "sg-1", { reason: "new fans", drainMs: 5_000 });
    await world.advance(4_000);
    t.same(await one.beat(first), []);
    await world.advance(1_000);
    t.match(one.all("cancel"), [{ runId: first.runId, reason: /drained: new fans/ }]);
    t.equal(await world.state(id), "running", "until its host says that it has stopped");
    await two.attach();
    t.match(await world.job(waiting), { state: "placed", host: "sg-2" });
    await one.report(one.seal("cancelled", first));
    t.match(one.ack, { accepted: false, failure: { code: "FENCED" } });
    t.match(await world.job(id), { state: "queued", epoch: 1, failure: { code: "PREEMPTED" } });
    await two.report(two.seal());
    const placed = { state: "placed", epoch: 2, host: "sg-2" };
    t.match(await world.job(id), placed, "though one attempt was all");

    const second = two.assign;
    await two.running();
    await cordonHost(core(), "sg-2", { reason: "fire", drainMs: 0 });
    await world.advance(250);
    await two.attach([second]);
    t.match(two.all("cancel"), [{ runId: second.runId }], "told again");
    t.same(await two.beat(second), []);
    t.equal(
      two.all("cancel").length,
      2,
      "and with each heartbeat, for that renews its lease there",
    );
    await world.advance(times.leaseMs + times.leaseMarginMs);
    t.equal(await world.state(id), "running", "as long as it may run");
    await world.advance(1);
    const lost = { state: "queued", epoch: 2, failure: { code: "PREEMPTED" } };
    t.match(await world.job(id), lost, "its lease is over");
    await uncordonHost(core(), "sg-1");
    await one.attach();
    t.match(await world.job(id), { state: "placed", epoch: 3, host: "sg-1" });
  },
);

t.test(
  "most of a site gone at once: nothing of it is placed anew until it is back, or gone for long",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const site = ["a", "b", "c", "d"].map((letter) => new FakeHost(world, `sg-${letter}`));
    const away = new FakeHost(world, "de-1", "DE");
    for (const host of [...site, away]) await host.attach();
    const placement = { countries: ["SG"] };
    const ids = await world.submit(...site.map(() => job({ placement })));
    for (const host of site) await host.running();
    const [last] = site.slice(3) as [FakeHost];
    const over = times.leaseMs + times.leaseMarginMs + 1;
    const beats = async (...hosts: FakeHost[]) => {
      for (const host of hosts) await host.beat(...host.all("assign").slice(-1));
    };
    await world.advance(over - 5_000);
    await beats(last, away);
    await world.advance(5_000);
    t.same(await Promise.all(ids.map((id) => world.state(id))), Array(4).fill("running"));
    t.same([...world.coordinator.core.braked], ["SG private"]);
    const [back] = site as [FakeHost];
    const held = (await world.store.runs.inStages(["acknowledged"])).find(
      ({ host }) => host === "sg-a",
    );
    await back.attach([{ runId: held?.id ?? "", epoch: BigInt(held?.epoch ?? 0) } as never]);
    await beats(last, away);
    await world.advance(250);
    t.equal(world.coordinator.core.braked.size, 0, "two of four are there");
    const states = await Promise.all(ids.map((id) => world.state(id)));
    t.same(
      states.filter((state) => state === "queued").length,
      2,
      "what the others had is placed again",
    );

    const slow = await CoordinatorWorld.open();
    const ten = Array.from({ length: 10 }, (_, i) => new FakeHost(slow, `sg-${i}`));
    for (const host of ten) await host.attach();
    const many = await slow.submit(...ten.map(() => job()));
    for (const host of ten) await host.running();
    for (const host of ten) {
      await slow.advance(200);
      await host.beat(host.assign);
    }
    for (let i = 0; i < 80; i += 1) await slow.advance(250);
    const still = await Promise.all(many.map((one) => slow.state(one)));
    t.same(still, Array(10).fill("running"), "also when they fall silent one after the other");

    const second = await CoordinatorWorld.open();
    const three = ["a", "b", "c"].map((letter) => new FakeHost(second, `sg-${letter}`));
    for (const host of three) await host.attach();
    const id = await second.one();
    for (const host of three) host.leave();
    await second.advance(over);
    t.equal(await second.state(id), "placed");
    await second.advance(brakeMs);
    t.equal(
      await second.state(id),
      "queued",
      "away for so long, they have not vanished, they are gone",
    );
  },
);

t.test("a run that was told to leave by a coordinator that is gone ends no job", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  const [drained, cancelled] = [await world.one(job({ attemptsMax: 1 })), await world.one()];
  const run = host.assign;
  await host.running();
  await cordonHost(world.coordinator.core, "sg-1", { reason: "new fans", drainMs: 0 });
  await world.advance(250);
  t.match(host.all("cancel"), [{ runId: run.runId }]);
  await uncordonHost(world.coordinator.core, "sg-1");
  await world.start();
  await host.attach([run]);
  await host.report(host.seal("cancelled", run));
  t.match(await world.job(drained), { state: "placed", epoch: 2 }, "nobody cancelled it");
  await cancelJob(world.coordinator.core, drained, "enough");
  await host.report(host.seal("cancelled"));
  t.equal(await world.state(drained), "cancelled");
  const own = host.assign;
  await cancelJob(world.coordinator.core, cancelled, "enough");
  await world.start();
  await host.attach([own]);
  await host.report(host.seal("cancelled", own));
  t.equal(await world.state(cancelled), "cancelled", "somebody did, before the restart");
});

t.test("a drained agent may end or be started anew: that costs no attempt either", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  const id = await world.one(job({ attemptsMax: 1 }));
  const told = async () => {
    await host.running();
    await cordonHost(world.coordinator.core, "sg-1", { reason: "new fans", drainMs: 0 });
    await world.advance(250);
    return host.assign;
  };
  await host.lost(await told());
  t.match(await world.job(id), { state: "queued", epoch: 1, failure: { code: "PREEMPTED" } });
  await uncordonHost(world.coordinator.core, "sg-1");
  await host.attach();
  await told();
  host.instance = "second";
  await host.attach();
  t.match(await world.job(id), { state: "queued", epoch: 2, failure: { code: "PREEMPTED" } });
  await uncordonHost(world.coordinator.core, "sg-1");
  await host.attach();
  await host.running();
  await host.lost();
  t.match(await world.job(id), { state: "lost", failure: { code: "WORKER_DIED" } }, "unasked");
});
