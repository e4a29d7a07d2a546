/** Providers that fail, lie, are silent or slow, and pilots that outlive what is known of them. */
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import { metricsText } from "../src/coordinator/metrics.js";
import { BurstWorld, publicOffer } from "./burst-world.js";

t.setTimeout(120_000);

t.test("no quota: the next offer is asked, and this one rests", async (t) => {
  const dear = { ...publicOffer, name: "dear" };
  const world = await BurstWorld.open(publicOffer, dear);
  const { fleet } = world;
  world.provider().refusal = new QuipuError("LIMIT_EXCEEDED", "QOSMaxSubmitJobPerUserLimit");
  await world.waitingJob();
  await world.pass(3);
  const [failed, next] = await world.pilots();
  t.match(failed, { offer: "cloud", stage: "ended", failed: true, reason: /QOSMaxSubmit/ });
  t.match(next, { offer: "dear", stage: "started" });
  t.same(fleet.troubles, ["burst offer cloud: QOSMaxSubmitJobPerUserLimit"], "told once");
  await world.agent(world.provider("dear").order).attach();
  t.match((await world.pilots())[1], { stage: "joined" });
});

t.test("a boot that never joins is stopped, and the offer rests ever longer", async (t) => {
  const world = await BurstWorld.open(publicOffer);
  await world.waitingJob();
  const late = world.agent();
  world.provider().isSlow = true;
  await world.pass(60);
  t.same(await world.stages(), ["stopping, failed"]);
  await late.attach();
  t.match(late.refusal, /PERMISSION_DENIED: pilot cloud-1 is being stopped/);
  world.provider().isSlow = false;
  await world.pass(2);
  t.match(await world.pilots(), [{ stage: "ended", failed: true, reason: /join within 60 s/ }]);
  t.same([...world.provider().running], []);
  await late.attach();
  t.match(late.refusal, /PERMISSION_DENIED/, "a slow boot comes too late");
  await world.pass(10);
  t.equal((await world.pilots()).length, 1, "it rests");
  await world.pass(8);
  t.equal((await world.pilots()).length, 2);
  await world.pass(62 + 20);
  t.equal((await world.pilots()).length, 2, "now for half a minute");
  await world.pass(15);
  t.equal((await world.pilots()).length, 3);
});

t.test("a provider that says yes and does nothing, or that takes a pilot away", async (t) => {
  const world = await BurstWorld.open(publicOffer);
  world.provider().isIdle = true;
  await world.waitingJob();
  await world.pass(16);
  t.match(await world.pilots(), [{ stage: "ended", failed: true, reason: /before it joined/ }]);
  world.provider().isIdle = false;
  await world.pass(16);
  const agent = world.agent();
  await agent.attach();
  await agent.running();
  world.provider().running.clear();
  agent.leave();
  await world.pass(16);
  const taken = { stage: "ended", failed: false, reason: "its provider ended it" };
  t.match((await world.pilots())[1], taken);
  t.notOk(world.fleet.coordinator.core.away.has("cloud-1"), "it has not vanished: it was let go");
});

t.test("a provider that is silent is believed dead in nothing", async (t) => {
  const world = await BurstWorld.open(publicOffer);
  const id = await world.waitingJob();
  world.provider().isSilent = true;
  await world.pass(30);
  t.same(await world.stages(), ["started"]);
  await world.agent().attach();
  t.equal(await world.fleet.state(id), "placed");
  t.same(world.fleet.troubles, ["burst offer cloud: it does not answer"], "told once");
});

t.test("a provider that takes its time holds up nobody else", async (t) => {
  const patient = { ...publicOffer, bootSeconds: 300 };
  const world = await BurstWorld.open(patient, { ...patient, name: "dear" });
  await world.pass(2);
  let open = () => {};
  const shut = (call: "start" | "status") => {
    world.provider().gates[call] = new Promise((resolve) => {
      open = resolve;
    });
  };
  shut("start");
  await world.waitingJob();
  await world.pass(20);
  t.match(await world.pilots(), [{ offer: "cloud", stage: "wanted" }], "its order takes minutes");
  open();
  await world.pass(2);
  t.same(await world.stages(), ["started"], "and it has neither been doubled nor given up");
  shut("status");
  await world.waitingJob();
  await world.pass(30);
  t.match((await world.pilots())[1], { offer: "dear", stage: "started" }, "while cloud is silent");
  t.equal((await world.pilots())[0]?.stage, "started", "of which nothing is concluded");
  open();
  await world.pass(2);
  t.same(await world.stages(), ["started", "started"]);
});

t.test("what outlives our knowledge of it is stopped", async (t) => {
  const world = await BurstWorld.open(publicOffer);
  const stray = { id: "pilot-0000000000000000", lifetimeMs: 1, environment: {} };
  world.provider().running.set(stray.id, stray);
  await world.pass(13);
  t.same(world.provider().stops, [stray.id]);
  t.match(await metricsText(world.fleet.coordinator), /quipu_pilots_orphaned_total 1\n/);
});
