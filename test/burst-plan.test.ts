/** Burst planning: each rule by itself, and whole days of chance in which none may ever be broken. */
import fc from "fast-check";
import t from "tap";
import { type BurstConfig, burstConfig, pilotHosts } from "../src/model/burst.js";
import { listedWithinMs, planBurst } from "../src/scheduler/burst/plan.js";
import { restsUntilMs } from "../src/scheduler/burst/starts.js";
import type {
  BurstAction,
  BurstState,
  PilotState,
  WaitingJob,
} from "../src/scheduler/burst/state.js";
import { Day } from "./burst-day.js";
import { Chance } from "./sim/chance.js";

t.setTimeout(120_000);

const offerParts = {
  name: "cloud",
  place: { country: "SG", site: "public", grade: "claimed" },
  devices: [{ id: "cpu", slots: 1 }],
  pilotsMax: 2,
  price: { currency: "USD", nanosPerSecond: 10 },
  waitSeconds: 60,
  bootSeconds: 300,
  idleSeconds: 120,
  lifetimeSeconds: 3600,
  drainSeconds: 300,
  provider: { kind: "local" },
};

function configOf(offers: readonly object[], more: object = {}): BurstConfig {
  return burstConfig.parse({ version: "quipu.dev/burst/v1", offers, ...more });
}

const one = configOf([offerParts]);
const two = configOf([
  { ...offerParts, name: "dear", price: { currency: "USD", nanosPerSecond: 90 } },
  offerParts,
]);

function stateOf(config: BurstConfig, nowMs: number, parts: Partial<BurstState> = {}): BurstState {
  const offers = config.offers.map((offer) => {
    return { offer, reachable: true, freeHosts: pilotHosts(offer) };
  });
  return { nowMs, config, offers, pilots: [], waiting: [], ...parts };
}

function waits(hosts: readonly string[], more: Partial<WaitingJob> = {}): WaitingJob {
  return { id: "job-1", sinceMs: 0, hosts: new Set(hosts), wholeDevices: 0, ...more };
}

const born: PilotState = {
  ...{ id: "pilot-1", offer: "cloud", host: "cloud-1", stage: "started" },
  ...{ createdAtMs: 0, endsAtMs: 3_600_000, failed: false, nanosPerSecond: 10, starting: false },
  ...{
    sighting: "running",
    attached: false,
    runs: 0,
    freeSlots: 1,
    deviceSlots: 1,
    idleSinceMs: 0,
  },
};
const joined: PilotState = { ...born, stage: "joined", attached: true };

function kinds(actions: readonly BurstAction[]): readonly string[] {
  return actions.map((action) => {
    return action.kind === "start" ? `start ${action.host}` : `${action.kind} ${action.id}`;
  });
}

t.test(
  "a pilot is asked for by wait or deadline, only where it is lawful, cheapest first",
  async (t) => {
    const at = (nowMs: number, job: WaitingJob, config = one) =>
      kinds(planBurst(stateOf(config, nowMs, { waiting: [job] })).actions);
    t.same(at(59_999, waits(["cloud-1"])), []);
    t.same(at(60_000, waits(["cloud-1"])), ["start cloud-1"]);
    t.same(at(60_000, waits(["cloud-2"])), ["start cloud-2"], "the very name that is lawful");
    t.same(at(60_000, waits([])), []);
    t.same(at(0, waits(["cloud-1"], { startByMs: 300_000 })), ["start cloud-1"]);
    t.same(at(0, waits(["cloud-1"], { startByMs: 300_001 })), []);
    t.same(at(60_000, waits(["dear-1", "cloud-1"]), two), ["start cloud-1"], "though named second");
    t.same(at(60_000, waits(["dear-1"]), two), ["start dear-1"]);
    const own = { ...offerParts, name: "own", place: { ...offerParts.place, site: "private" } };
    const privately = configOf([offerParts, { ...own, price: undefined }]);
    t.same(at(60_000, waits(["own-1", "cloud-1"]), privately), ["start own-1"], "private first");
  },
);

t.test(
  "what is on its way counts, and one pilot serves as many jobs as it has room for",
  async (t) => {
    const gpus = [
      { id: "cuda:0", slots: 8 },
      { id: "cuda:1", slots: 8 },
    ];
    const config = configOf([{ ...offerParts, devices: gpus, pilotsMax: 4 }]);
    const hosts = pilotHosts(config.offers[0] as never);
    const waiting = [1, 2, 3].map((at) => waits(hosts, { id: `job-${at}`, wholeDevices: 1 }));
    const starts = planBurst(stateOf(config, 60_000, { waiting })).actions;
    t.same(kinds(starts), ["start cloud-1", "start cloud-2"]);
    const light = Array.from({ length: 17 }, (_, at) => waits(hosts, { id: `job-${at}` }));
    t.equal(
      planBurst(stateOf(config, 60_000, { waiting: light })).actions.length,
      2,
      "16 share one",
    );
    const coming = { ...born, freeSlots: 16, deviceSlots: 8 };
    const pilots = [coming, { ...coming, id: "pilot-2", host: "cloud-2" }];
    t.same(planBurst(stateOf(config, 60_000, { waiting, pilots })).actions, [], "and nothing more");
  },
);

t.test("the pilots of a gang are asked for all at once or not at all", async (t) => {
  const config = configOf([{ ...offerParts, pilotsMax: 4 }]);
  const hosts = pilotHosts(config.offers[0] as never);
  const member = (at: number, spreads = false): WaitingJob =>
    waits(hosts, { id: `job-${at}`, gang: { id: "job-0", spreads } });
  const plan = (parts: Partial<BurstState>, of = config) =>
    planBurst(stateOf(of, 60_000, { waiting: [0, 1, 2].map((at) => member(at)), ...parts }));
  t.same(kinds(plan({}).actions), ["start cloud-1", "start cloud-2", "start cloud-3"]);
  const scarce = configOf([{ ...offerParts, pilotsMax: 4 }], { pilotsMax: 2 });
  const few = plan({}, scarce);
  t.same(few.actions, [], "two of three would cost and do nothing");
  t.same(
    few.held.map(({ jobId, obstacle }) => [jobId, obstacle]),
    [0, 1, 2].map((at) => [`job-${at}`, "number"]),
  );
  const budget = { currency: "USD", nanosPerDay: 2 * 10 * 3600 };
  t.same(plan({}, configOf([{ ...offerParts, pilotsMax: 4 }], { budget })).actions, []);
  const alone = waits(hosts, { id: "job-9" });
  const behind = plan({ waiting: [0, 1, 2].map((at) => member(at)).concat(alone) }, scarce);
  t.same(kinds(behind.actions), ["start cloud-1"], "what it cannot use is there for the next");
  const free = { ...joined, freeSlots: 1, idleSinceMs: 0 };
  const pilots = [free, { ...free, id: "pilot-2", host: "cloud-2" }];
  const offers = [{ offer: config.offers[0] as never, reachable: true, freeHosts: hosts.slice(2) }];
  t.same(kinds(plan({ pilots, offers }).actions), ["start cloud-3"], "the one that it lacks");
  const idle = plan({ pilots, offers: [] });
  t.equal(idle.held.length, 3, "and none is awaited for a gang that cannot be whole");
  const idleAtMs = 1000 * offerParts.idleSeconds;
  const late = stateOf(config, idleAtMs, { pilots, waiting: [0, 1, 2].map((at) => member(at)) });
  const drained = planBurst({ ...late, offers: [{ ...late.offers[0], freeHosts: [] } as never] });
  t.same(kinds(drained.actions), ["drain pilot-1", "drain pilot-2"]);

  const wide = configOf([{ ...offerParts, devices: [{ id: "cpu", slots: 64 }], pilotsMax: 4 }]);
  t.same(kinds(plan({}, wide).actions), ["start cloud-1"], "they share a device");
  const spread = [0, 1, 2].map((at) => member(at, true));
  t.equal(plan({ waiting: spread }, wide).actions.length, 3, "unless each needs a host of its own");
  t.equal(plan({ waiting: [...spread, member(3, true), member(4, true)] }, wide).held.length, 5);
});

t.test("neither budget nor number nor a silent or resting offer is overstepped", async (t) => {
  const waiting = [1, 2, 3].map((at) => waits(["cloud-1", "cloud-2"], { id: `job-${at}` }));
  const plan = (config: BurstConfig, parts: Partial<BurstState> = {}) =>
    kinds(planBurst(stateOf(config, 60_000, { waiting, ...parts })).actions);
  t.equal(plan(one).length, 2, "it has two names");
  t.equal(plan(configOf([offerParts], { pilotsMax: 1 })).length, 1);
  const budget = (nanosPerDay: number) =>
    configOf([offerParts], { budget: { currency: "USD", nanosPerDay } });
  t.equal(plan(budget(71_999)).length, 1, "3600 s at 10 nanos: one is paid for, two are not");
  t.equal(plan(budget(72_000)).length, 2);
  const silent = stateOf(one, 0).offers.map((offer) => ({ ...offer, reachable: false }));
  t.same(plan(one, { offers: silent }), []);
  const failed: PilotState = { ...born, stage: "ended", failed: true, endedAtMs: 50_000 };
  t.same(plan(one, { pilots: [failed] }), []);
  t.equal(restsUntilMs([failed]), 65_000);
  const again = { ...failed, id: "pilot-2", createdAtMs: 1, endedAtMs: 51_000 };
  t.equal(restsUntilMs([failed, again]), 81_000, "twice as long");
  const good = { ...failed, id: "pilot-3", createdAtMs: 2, failed: false };
  t.equal(restsUntilMs([failed, again, good]), 0);
});

t.test(
  "what keeps a job from a pilot is told: the obstacle of the offer that came furthest",
  async (t) => {
    const why = (config: BurstConfig, parts: Partial<BurstState>, nowMs = 60_000) => {
      const waiting = [waits(["cloud-1", "dear-1"])];
      const { actions, held } = planBurst(stateOf(config, nowMs, { waiting, ...parts }));
      t.equal(actions.filter(({ kind }) => kind === "start").length, 0);
      return held.map(({ obstacle }) => obstacle).join();
    };
    const offers = stateOf(two, 0).offers;
    const but = (change: object) => ({ offers: offers.map((offer) => ({ ...offer, ...change })) });
    t.equal(why(one, {}, 59_999), "wait");
    t.equal(why(one, but({ freeHosts: ["cloud-2"] })), "names");
    t.equal(why(two, but({ reachable: false })), "silence");
    const other: PilotState = { ...born, id: "pilot-9", host: "cloud-2", freeSlots: 0 };
    t.equal(why(configOf([offerParts], { pilotsMax: 1 }), { pilots: [other] }), "number");
    const poor = { budget: { currency: "USD", nanosPerDay: 1 } };
    t.equal(why(configOf([offerParts], poor), {}), "budget");
    const failed: PilotState = { ...born, stage: "ended", failed: true, endedAtMs: 50_000 };
    t.equal(why(one, { pilots: [failed] }), "rest");
    const dear = configOf([{ ...offerParts, name: "dear" }, offerParts], poor);
    t.equal(why(dear, { pilots: [failed] }), "budget", "of the other offer, which came further");
  },
);

t.test("a pilot's life ends by boot, idleness, time or its provider, in order", async (t) => {
  const at = (nowMs: number, pilot: PilotState, waiting: readonly WaitingJob[] = []) =>
    planBurst(stateOf(one, nowMs, { pilots: [pilot], waiting })).actions;
  t.same(at(299_999, born), []);
  t.match(at(300_000, born), [{ kind: "stop", failed: true, reason: /did not join within 300 s/ }]);
  t.same(at(119_999, joined), []);
  t.match(at(120_000, joined), [{ kind: "drain", untilMs: 120_000, reason: /no run for 120 s/ }]);
  t.same(at(120_000, { ...joined, runs: 1 }), []);
  t.same(at(120_000, joined, [waits(["cloud-1"], { sinceMs: 119_000 })]), [], "it is awaited");
  const late = { ...joined, runs: 1 };
  t.match(at(3_300_000, late), [{ kind: "drain", untilMs: 3_595_000, reason: /time is nearly/ }]);
  t.same(at(3_300_000, { ...late, stage: "draining" }), [], "its run may go on");
  t.match(at(3_300_000, { ...joined, stage: "draining" }), [{ kind: "stop", failed: false }]);
  t.match(at(3_600_000, { ...late, stage: "draining" }), [
    { kind: "stop", reason: /time is over/ },
  ]);
  const stopping: PilotState = { ...born, stage: "stopping", failed: true };
  t.match(at(9, stopping), [{ kind: "stop", failed: true }], "asked again");
  t.match(at(9, { ...stopping, sighting: "unknown" }), [{ kind: "stop" }]);
  t.match(at(9, { ...stopping, sighting: "absent" }), [{ kind: "end", failed: true }]);
  t.match(at(9, { ...stopping, sighting: "absent", starting: true }), [{ kind: "stop" }]);
  const gone: PilotState = { ...born, sighting: "absent" };
  t.same(at(listedWithinMs - 1, gone), [], "a provider may list it late");
  t.match(at(listedWithinMs, gone), [{ kind: "end", failed: true, reason: /before it joined/ }]);
  t.match(at(listedWithinMs, { ...gone, stage: "wanted" }), [{ reason: /never started/ }]);
  t.same(at(listedWithinMs, { ...gone, starting: true }), [], "its start is under way");
  t.same(at(listedWithinMs, { ...joined, sighting: "absent" }), [], "it speaks, so it is there");
  const lost: PilotState = { ...joined, attached: false, sighting: "absent" };
  t.match(at(listedWithinMs, lost), [{ kind: "end", failed: false, reason: /provider ended it/ }]);
});

t.test(
  "in whole days of chance no rule is broken, and when all is done nothing is left",
  async () => {
    const day = fc.record({
      seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      devices: fc.integer({ min: 1, max: 3 }),
      pilotsMax: fc.integer({ min: 1, max: 5 }),
      nanosPerDay: fc.integer({ min: 0, max: 2_000_000 }),
    });
    fc.assert(
      fc.property(day, ({ seed, devices, pilotsMax, nanosPerDay }) => {
        const chance = new Chance(seed);
        const ids = Array.from({ length: devices }, (_, at) => ({ id: `cuda:${at}`, slots: 1 }));
        const config = configOf(
          [
            { ...offerParts, devices: ids },
            { ...offerParts, name: "dear", price: { currency: "USD", nanosPerSecond: 90 } },
          ],
          { pilotsMax, budget: { currency: "USD", nanosPerDay } },
        );
        const world = new Day(config, chance, true);
        for (let step = 0; step < 300; step += 1) {
          if (chance.hit(0.2)) world.submit();
          world.step();
        }
        world.faults = false;
        world.jobs.clear();
        for (let step = 0; step < 900; step += 1) world.step();
        const left = [...world.pilots.values()].filter(({ stage }) => stage !== "ended");
        return left.length === 0;
      }),
      { numRuns: 12 },
    );
    // Liveness: with providers that do their work and money enough, every job is served.
    const world = new Day(configOf([offerParts]), new Chance(7), false);
    for (let job = 0; job < 20; job += 1) world.submit();
    for (const [id, { hosts }] of world.jobs) if (hosts.size === 0) world.jobs.delete(id);
    const asked = world.jobs.size;
    for (let step = 0; step < 2000; step += 1) world.step();
    t.equal(world.served, asked);
  },
);

t.test("a configuration that cannot be kept is refused, by field", async (t) => {
  const faults = (offers: readonly object[], more: object = {}) =>
    burstConfig
      .safeParse({ version: "quipu.dev/burst/v1", offers, ...more })
      .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`)
      .join("; ");
  t.match(faults([{ ...offerParts, bootSeconds: 4000 }]), /bootSeconds: must not be longer/);
  t.match(faults([{ ...offerParts, drainSeconds: 3600 }]), /drainSeconds: must be shorter/);
  t.match(
    faults([offerParts, offerParts]),
    /offers.1.name: another offer's pilots are named cloud-1/,
  );
  t.match(faults([{ ...offerParts, devices: [{ id: "gpu" }] }]), /must be cpu or cuda:N/);
  t.match(faults([{ ...offerParts, devices: [{ id: "cpu" }, { id: "cpu" }] }]), /the same id/);
  const deviceFaults = (parts: object) => faults([{ ...offerParts, devices: [parts] }]);
  const known = { computeCapability: "9.0", driverVersion: "535.104.05", slice: "1g.10gb" };
  t.equal(deviceFaults({ id: "cuda:0", ...known }), undefined);
  for (const [field, value] of Object.entries(known)) {
    const here = `offers.0.devices.0.${field}: is a GPU's, and this is the processor`;
    t.equal(deviceFaults({ id: "cpu", [field]: value }), here);
    t.match(
      deviceFaults({ id: "cuda:0", [field]: "half" }),
      `offers.0.devices.0.${field}: must be`,
    );
  }
  t.match(
    deviceFaults({ id: "cuda:0", computeCapability: 9 }),
    /must be in quotes, for example "9.0"/,
  );
  t.match(deviceFaults({ id: "cuda:0", driverVersion: 535 }), /must be in quotes/);
  const budget = { currency: "USD", nanosPerDay: 1 };
  t.match(faults([{ ...offerParts, price: undefined }], { budget }), /price: is missing/);
  const euros = { currency: "EUR", nanosPerSecond: 1 };
  t.match(faults([{ ...offerParts, price: euros }], { budget }), /price: is not in USD/);
  t.match(faults([{ ...offerParts, provider: { kind: "magic" } }]), /provider/);
});
