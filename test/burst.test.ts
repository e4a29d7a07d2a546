/** Pilots from the wish to the end, over every fault: a provider in memory, a real coordinator. */
import { create } from "@bufbuild/protobuf";
import t from "tap";
import { placeMessage } from "../src/agent/messages.js";
import { QuipuError } from "../src/base/errors.js";
import { setQuota } from "../src/coordinator/dispatch/quotas.js";
import { cordonHost, uncordonHost } from "../src/coordinator/host/cordon.js";
import { cancelJob } from "../src/coordinator/job/cancel.js";
import { metricsText } from "../src/coordinator/metrics.js";
import { InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import { askedJob, jobBytes } from "../src/model/job.js";
import { priceBook } from "../src/model/price-book.js";
import { quota } from "../src/model/quota.js";
import { BurstWorld, configOf, publicOffer } from "./burst-world.js";
import { FakeHost, job, places, settle } from "./coordinator-world.js";
import { onnx } from "./scheduler-world.js";

t.setTimeout(120_000);

t.test("a job that waits gets a pilot, which runs it and is let go when idle", async (t) => {
  const world = await BurstWorld.open(publicOffer);
  const id = await world.fleet.one();
  t.equal(await world.fleet.state(id), "queued", "not refused: it is lawful where a pilot may be");
  await world.pass(8);
  t.same(await world.stages(), [], "it has not waited long enough");
  await world.pass(4);
  t.same(await world.stages(), ["started"]);
  const { environment, lifetimeMs } = world.provider().order;
  t.match(environment, {
    ...{ QUIPU_NAME: "cloud-1", QUIPU_COUNTRY: "DE", QUIPU_SITE: "public" },
    ...{ QUIPU_GRADE: "operator-asserted", QUIPU_COORDINATOR: "127.0.0.1:7" },
  });
  t.equal(lifetimeMs, 600_000);
  const token = environment.QUIPU_PILOT_TOKEN ?? "";
  t.ok(token.length >= 43, "of 256 bits");
  t.notMatch(JSON.stringify(await world.pilots()), token, "only its digest is kept");
  await world.pass(5);
  t.equal((await world.pilots()).length, 1, "one that is on its way is enough");

  const agent = world.agent();
  await agent.attach();
  t.equal(agent.refusal, "");
  t.same(await world.stages(), ["joined"]);
  t.match(await world.fleet.job(id), { state: "placed", host: "cloud-1", country: "DE" });
  await agent.running();
  await agent.report(agent.seal());
  t.equal(await world.fleet.state(id), "succeeded");
  t.match(await metricsText(world.fleet.coordinator), /quipu_pilots 1\nq?/);

  await world.pass(28);
  t.same(await world.stages(), ["joined"]);
  await world.pass(5);
  t.same(await world.stages(), ["ended"]);
  t.equal(agent.closed, true);
  t.match(await world.pilots(), [{ reason: "no run for 30 s", jobId: id }]);
  t.equal(world.provider().running.size, 0);
  const again = await world.waitingJob();
  t.match((await world.pilots()).at(-1), { host: "cloud-1", jobId: again }, "its name is free");
  t.same(world.fleet.troubles, []);
});

t.test("what a pilot made goes with it: who waits for it ends, and is told why", async (t) => {
  const world = await BurstWorld.open(publicOffer);
  const { fleet } = world;
  const [made = ""] = await fleet.submit(job({ name: "made" }));
  await world.pass(13);
  const agent = world.agent();
  await agent.attach();
  await agent.report(agent.seal());
  t.equal(await fleet.state(made), "succeeded");
  const model = { job: made, output: "manifest.json" };
  const task = { driver: "tensor", model, inputs: {}, backend: "cuda" };
  const parts = { version: "quipu.dev/v1", name: "use", dataSet: "open", task };
  const [use = ""] = await fleet.submit(jobBytes(askedJob.parse(parts)));
  t.equal(await fleet.state(use), "queued", "nobody has such a device");
  await world.pass(40);
  t.same(await world.stages(), ["ended"]);
  t.match(await fleet.job(use), {
    state: "cancelled",
    failure: {
      code: "DEPENDENCY_FAILED",
      message: /has gone with the pilot cloud-1/,
      next: /job retry/,
    },
  });
});

t.test(
  "only the agent that was asked for joins, once, where and with what its offer says",
  async (t) => {
    const world = await BurstWorld.open(publicOffer);
    const early = new FakeHost(world.fleet, "cloud-1", "DE");
    await early.attach();
    t.match(early.all("refused"), [{ code: "PERMISSION_DENIED", message: /is a pilot's/ }]);
    await world.waitingJob();
    const turnedAway = async (why: RegExp, parts: object, of = world.agent()) => {
      await of.attach([], parts);
      t.match(of.refusal, why);
      t.equal(of.closed, true);
    };
    await turnedAway(/PERMISSION_DENIED: .*token for it was not shown/, { pilotToken: "guess" });
    await turnedAway(/PERMISSION_DENIED: .*another place/, { place: placeMessage(places.SG) });
    const bare = create(InventorySchema, { devices: [], dataSets: [] });
    await turnedAway(/INVALID_ARGUMENT: pilot cloud-1 has no device cpu/, { inventory: bare });
    const devices = [{ id: "cpu", model: "x86", memoryBytes: 1n, backends: ["portable"] }];
    const dataless = create(InventorySchema, { devices, dataSets: [] });
    await turnedAway(/has no data set people/, { inventory: dataless });
    await turnedAway(/no pilot is expected under the name sg-1/, { host: "sg-1" });
    t.same(await world.stages(), ["started"], "none of them used it up");

    const agent = world.agent();
    await agent.attach();
    t.equal(agent.refusal, "");
    await turnedAway(/has been used by another agent/, {});
    t.equal(agent.closed, false, "and the one that joined stays");
    await agent.attach();
    t.equal(agent.refusal, "", "it may come again, as often as its stream breaks");
    await world.fleet.start();
    await agent.attach();
    t.equal(agent.refusal, "", "also to the next process");
    await agent.report(agent.seal());
    await world.pass(40);
    t.same(await world.stages(), ["ended"]);
    await turnedAway(/token for it was not shown/, {}, agent);
  },
);

t.test("law comes first: no pilot is asked for where the job may not run", async (t) => {
  const world = await BurstWorld.open(publicOffer);
  await world.waitingJob(job({ dataSet: "people" }));
  t.same(await world.stages(), [], "personal data of SG and CL does not go to DE");
  const { held } = world.fleet.coordinator.core.burst ?? {};
  t.same(held, [], "nor does it wait for one");
  const other = job({ placement: { countries: ["SG"] } });
  const refused = await world.waitingJob(other);
  t.same(await world.stages(), []);
  t.equal(await world.fleet.state(refused), "refused");
  await world.waitingJob(job({ dataSet: "open" }));
  t.same(await world.stages(), ["started"]);
});

t.test(
  "a deadline asks before the wait is over, and a job's budget bears the offer's price",
  async (t) => {
    const priced = (name: string, nanosPerSecond: number) => {
      return { ...publicOffer, name, price: { currency: "USD", nanosPerSecond }, waitSeconds: 500 };
    };
    const world = await BurstWorld.open(priced("dear", 90), priced("cloud", 10));
    const rates = [{ nanosPerSecond: 10 }];
    const book = { version: "quipu.dev/price-book/v1", name: "b", currency: "USD", rates };
    Object.assign(world.fleet.coordinator.core.ports, {
      prices: [{ ...book, from: "2026-01-01T00:00:00Z" }],
    });
    world.provider().refusal = new QuipuError("LIMIT_EXCEEDED", "no quota");
    const wallMs = world.fleet.coordinator.core.ports.clock.wallMs();
    const deadline = new Date(wallMs + 80_000).toISOString();
    const budget = { currency: "USD", nanos: 500, seconds: 10 };
    await world.fleet.one(job({ deadline, budget }));
    await world.pass(8);
    t.same(await world.stages(), [], "60 s of boot and 10 s of work would do");
    await world.pass(6);
    t.match(await world.pilots(), [{ offer: "cloud", failed: true }]);
    t.equal((await world.pilots()).length, 1, "10 s of the dear one cost 900");
  },
);

t.test(
  "a budget bears a pilot and what bringing the inputs there costs, or asks for none",
  async (t) => {
    const price = { currency: "USD", nanosPerSecond: 10 };
    const world = await BurstWorld.open({ ...publicOffer, price });
    world.fleet.artifacts.add(onnx.model); // of a gigabyte
    const book = priceBook.parse({
      ...{ version: "quipu.dev/price-book/v1", name: "b", currency: "USD" },
      from: "2026-01-01T00:00:00Z",
      rates: [{ nanosPerSecond: 0 }],
      egress: [{ nanosPerGigabyte: 350 }],
    });
    Object.assign(world.fleet.coordinator.core.ports, { prices: [book] });
    const asks = (nanos: number) =>
      world.waitingJob(job({ task: onnx, budget: { currency: "USD", nanos, seconds: 10 } }));
    await asks(449);
    t.same(await world.stages(), [], "either alone would do");
    await asks(450);
    t.same(await world.stages(), ["started"]);
  },
);

t.test("a GPU is offered by what it can, and a pilot that can less may not join", async (t) => {
  const can = { computeCapability: "9.0", driverVersion: "535.104" };
  const gpu = { id: "cuda:0", backends: ["cuda"], slots: 1 };
  const world = await BurstWorld.open(
    { ...publicOffer, name: "old", devices: [gpu] },
    { ...publicOffer, name: "part", devices: [{ ...gpu, slice: "1g.10gb" }] },
    { ...publicOffer, devices: [{ ...gpu, ...can }] },
  );
  const resources = { device: "cuda", computeCapabilityMin: "8.9", driverMin: "535" };
  await world.waitingJob(job({ resources }));
  await world.waitingJob(job({ resources: { device: "cuda", slice: "1g.10gb" } }));
  t.same(
    (await world.pilots()).map(({ offer }) => offer),
    ["cloud", "part"],
  );
  const has = (parts: object, driverVersion = "535.104.05") => ({
    inventory: create(InventorySchema, {
      devices: [{ ...gpu, model: "x", memoryBytes: 1n, computeCapability: "9.0", ...parts }],
      dataSets: [{ name: "people" }, { name: "open" }],
      driverVersion,
    }),
  });
  const agent = world.agent(world.provider().order);
  for (const less of [
    has({ computeCapability: "8.9" }),
    has({ computeCapability: "" }),
    has({ slice: "1g.10gb" }),
    has({}, "535.54.03"),
    has({}, ""),
  ]) {
    await agent.attach([], less);
    t.match(agent.refusal, /INVALID_ARGUMENT: pilot cloud-1 has no device cuda:0 as described/);
  }
  await agent.attach([], has({ computeCapability: "10.0" }));
  t.equal(agent.refusal, "", "more is welcome");
  const part = world.agent(world.provider("part").order);
  await part.attach([], has({}));
  t.match(part.refusal, /no device cuda:0 as described/, "a whole device is no such part");
  await part.attach([], has({ slice: "1g.10gb" }));
  t.equal(part.refusal, "");
});

t.test(
  "a job that its quota keeps waiting asks for no pilot, and hides none that may",
  async (t) => {
    const world = await BurstWorld.open({ ...publicOffer, idleSeconds: 5 });
    const { core } = world.fleet.coordinator;
    await setQuota(core, "a", quota.parse({ owner: "a", cpu: { nominal: 1, borrowMax: 0 } }));
    const many = Array.from({ length: 150 }, () => job({ owner: "a" }));
    for (let turn = 0; turn < 2; turn += 1) await world.fleet.submit(...many);
    const other = await world.fleet.one(job({ owner: "b" }));
    await world.pass(12);
    const askers = (await world.pilots()).map(({ jobId }) => jobId);
    t.same([askers.length, askers.includes(other)], [2, true], "one each");
    await setQuota(core, "a", quota.parse({ owner: "a", cpu: { nominal: 0, borrowMax: 0 } }));
    const [first] = world.provider().orders;
    await world.agent(first).attach();
    t.equal(await world.fleet.state(other), "placed");
    await world.agent().attach();
    await world.pass(10);
    const stages = [...(await world.stages())].sort();
    t.same(stages, ["ended", "joined"], "nobody who may not have it keeps it up");
  },
);

t.test("private capacity takes the job first", async (t) => {
  const world = await BurstWorld.open(publicOffer);
  const own = new FakeHost(world.fleet);
  await own.attach();
  const [first, second] = [await world.fleet.one(), await world.fleet.one()];
  await world.pass(9);
  await own.beat(own.assign);
  await own.report(own.seal());
  t.equal(await world.fleet.state(first), "succeeded");
  await own.running();
  await world.pass(5);
  t.match(await world.fleet.job(second), { state: "running", host: "sg-1" });
  t.same(await world.stages(), []);
});

t.test("a name is free when no run can go on under it", async (t) => {
  const world = await BurstWorld.open({ ...publicOffer, waitSeconds: 0 });
  await cordonHost(world.fleet.coordinator.core, "cloud-1", { reason: "no" });
  await world.fleet.start();
  t.match(await world.fleet.store.hosts.get("cloud-1"), { cordon: { reason: "no" } }, "is kept");
  await uncordonHost(world.fleet.coordinator.core, "cloud-1");
  await world.fleet.one();
  await world.pass(2);
  const agent = world.agent();
  await agent.attach();
  await agent.running();
  for (let second = 0; second < 20; second += 5) {
    await world.pass(5);
    await agent.beat(agent.assign);
  }
  agent.leave();
  world.provider().running.clear();
  await world.fleet.one();
  await world.fleet.one();
  await world.pass(4); // less than the lease
  t.same(await world.stages(), ["ended", "started"]);
  t.match((await world.pilots())[1], { host: "cloud-2" });
  t.match(world.fleet.coordinator.core.burst?.held, [{ obstacle: "names" }]);
  await world.pass(10);
  t.match((await world.pilots())[2], { host: "cloud-1", stage: "started" });
});

t.test("its time is over: runs move on at no cost, and it is stopped", async (t) => {
  const world = await BurstWorld.open({ ...publicOffer, lifetimeSeconds: 120 });
  const id = await world.waitingJob(job({ attemptsMax: 1 }));
  const agent = world.agent();
  await agent.attach();
  await agent.running();
  for (let second = 0; second < 115; second += 5) {
    await world.pass(5);
    await agent.beat(agent.assign);
  }
  t.same(await world.stages(), ["draining"]);
  t.match(agent.all("cancel").at(0), { reason: /drained: its time is nearly over/ });
  await agent.report(agent.seal("cancelled"));
  const moved = { state: "queued", failure: { code: "PREEMPTED" } };
  t.match(await world.fleet.job(id), moved, "though one attempt was all");
  await world.pass(13); // it waits anew
  const [first, second] = await world.pilots();
  t.match([first, second], [{ stage: "ended", failed: false }, { stage: "started" }]);
});

t.test("the configuration changes between two lives of a coordinator", async (t) => {
  const world = await BurstWorld.open(publicOffer);
  const { store } = world.fleet;
  const id = await world.waitingJob();
  const agent = world.agent();
  await world.configure(configOf({ ...publicOffer, name: "other" }));
  t.match(await world.pilots(), [{ stage: "ended", reason: "its offer is no longer configured" }]);
  await agent.attach();
  t.match(agent.refusal, /PERMISSION_DENIED/, "so that it ends by itself");
  t.same(
    (await store.hosts.all()).map(({ name }) => name),
    ["other-1", "other-2"],
  );
  await world.pass(2);
  t.match((await world.pilots())[1], { offer: "other", jobId: id });
  await world.configure(configOf({ ...publicOffer, name: "other", pilotsMax: 1 }));
  t.match((await world.pilots())[1], { stage: "started" }, "what is still offered goes on");
  await world.configure(undefined);
  t.same(await store.hosts.all(), []);
  t.same(await store.pilots.living(), []);
  const own = new FakeHost(world.fleet, "cloud-1");
  await own.attach();
  await t.rejects(world.configure(configOf(publicOffer)), { code: "CONFLICT", message: /cloud-1/ });
});

t.test("a gang gets all of its pilots at once, or none", async (t) => {
  const world = await BurstWorld.open({ ...publicOffer, pilotsMax: 3 });
  await world.configure({ ...configOf({ ...publicOffer, pilotsMax: 3 }), pilotsMax: 2 });
  const three = await world.fleet.submit(job({ gang: { size: 3 } }));
  await world.pass(publicOffer.waitSeconds + 2);
  t.same(world.provider().orders, [], "two of three would cost and do nothing");
  const { burst } = world.fleet.coordinator.core;
  t.same(
    burst?.held.map(({ obstacle }) => obstacle),
    ["number", "number", "number"],
  );
  await cancelJob(world.fleet.coordinator.core, three[0] ?? "", "else it would hold what comes");
  const ids = await world.fleet.submit(job({ name: "pair", gang: { size: 2 } }));
  await world.pass(publicOffer.waitSeconds + 1);
  t.equal(world.provider().orders.length, 2, "both in one step");
  for (const order of world.provider().orders) await world.agent(order).attach();
  await settle();
  for (const id of ids) t.equal(await world.fleet.state(id), "placed");
});

t.test("a long queue is looked at as a whole", async (t) => {
  const world = await BurstWorld.open({ ...publicOffer, dataSets: ["open"], pilotsMax: 1 });
  for (const count of [250, 100]) {
    await world.fleet.submit(...Array.from({ length: count }, () => job()));
  }
  await world.pass(publicOffer.waitSeconds + 2);
  const { state, held } = world.fleet.coordinator.core.burst ?? {};
  t.equal(state?.waiting.length, 350);
  t.equal(held?.length, 349);
});
