/** Burst planning: each rule by itself, and whole days of chance in which none may ever be broken. */
import fc from "fast-check";
import t from "tap";
import { type BurstConfig, burstConfig, pilotHosts } from "../src/model/burst.js";
import { committedNanos } from "../src/scheduler/burst/budget.js";
import { listedWithinMs, planBurst } from "../src/scheduler/burst/plan.js";
import { restsUntilMs } from "../src/scheduler/burst/starts.js";
import type {
  BurstAction,
  BurstState,
  PilotState,
  Sighting,
  WaitingJob,
} from "../src/scheduler/burst/state.js";

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
  return { id: "job-1", sinceMs: 0, hosts: new Set(hosts), isLight: true, ...more };
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
    const waiting = [1, 2, 3].map((at) => waits(hosts, { id: `job-${at}`, isLight: false }));
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

const stepMs = 5_000;

/** A day of a fleet that is made of pilots only: chance decides what providers and jobs do. */
class Day {
  nowMs = 0;
  readonly pilots = new Map<string, Mutable>();
  readonly jobs = new Map<string, { sinceMs: number; hosts: ReadonlySet<string>; runMs: number }>();
  readonly #runs = new Map<string, { host: string; endsAtMs: number }>();
  #count = 0;
  served = 0;

  constructor(
    readonly config: BurstConfig,
    readonly chance: () => number,
    public faults: boolean,
  ) {}

  submit(): void {
    const offers = this.config.offers.filter(() => this.chance() < 0.6);
    const hosts = new Set(offers.flatMap(pilotHosts));
    this.#count += 1;
    const runMs = 1_000 + Math.floor(this.chance() * 400_000);
    this.jobs.set(`job-${this.#count}`, { sinceMs: this.nowMs, hosts, runMs });
  }

  step(): void {
    this.nowMs += stepMs;
    for (const pilot of this.pilots.values()) this.#live(pilot);
    this.#dispatch();
    const state = this.#state();
    const { actions } = planBurst(state);
    check(state, actions);
    for (const action of actions) this.#carryOut(action);
  }

  #live(pilot: Mutable): void {
    for (const [id, run] of this.#runs) if (run.endsAtMs <= this.nowMs) this.#runs.delete(id);
    if (pilot.stage === "ended") return;
    const happens = (share: number) => this.faults && this.chance() < share;
    if (pilot.stage === "wanted") {
      if (happens(0.2))
        Object.assign(pilot, { stage: "stopping", failed: true }); // no quota
      else if (!happens(0.2)) Object.assign(pilot, { stage: "started", there: !happens(0.2) });
    } else if (pilot.stage === "started" && pilot.there && !happens(0.9)) {
      Object.assign(pilot, { stage: "joined", idleSinceMs: this.nowMs });
    }
    if (happens(0.01)) pilot.there = false;
  }

  #dispatch(): void {
    for (const [id, { hosts, runMs }] of this.jobs) {
      const free = [...this.pilots.values()].find((pilot) => {
        return (
          pilot.stage === "joined" && pilot.there && hosts.has(pilot.host) && this.#room(pilot) > 0
        );
      });
      if (free === undefined) continue;
      this.jobs.delete(id);
      this.served += 1;
      this.#runs.set(id, { host: free.host, endsAtMs: this.nowMs + runMs });
    }
  }

  #runsOn({ host }: Mutable): number {
    return [...this.#runs.values()].filter((run) => run.host === host).length;
  }

  #room(pilot: Mutable): number {
    const offer = this.config.offers.find(({ name }) => name === pilot.offer);
    return (offer?.devices.length ?? 0) - this.#runsOn(pilot);
  }

  #state(): BurstState {
    const pilots = [...this.pilots.values()];
    for (const pilot of pilots) if (this.#runsOn(pilot) > 0) pilot.idleSinceMs = this.nowMs;
    const borne = new Set(pilots.filter(({ stage }) => stage !== "ended").map(({ host }) => host));
    return {
      nowMs: this.nowMs,
      config: this.config,
      offers: this.config.offers.map((offer) => ({
        offer,
        reachable: !this.faults || this.chance() < 0.9,
        freeHosts: pilotHosts(offer).filter((host) => !borne.has(host)),
      })),
      pilots: pilots.map((pilot) => ({
        ...pilot,
        starting: false,
        sighting: (pilot.there ? "running" : "absent") satisfies Sighting,
        attached: pilot.there && (pilot.stage === "joined" || pilot.stage === "draining"),
        runs: pilot.stage === "ended" ? 0 : this.#runsOn(pilot),
        deviceSlots: 1,
        freeSlots: pilot.stage === "ended" ? 0 : this.#room(pilot),
      })),
      waiting: [...this.jobs].map(([id, { sinceMs, hosts }]) => ({
        id,
        sinceMs,
        hosts,
        isLight: true,
      })),
    };
  }

  #carryOut(action: BurstAction): void {
    if (action.kind === "start") {
      const { offer, host } = action;
      this.#count += 1;
      const pilot: Mutable = {
        ...{ id: `pilot-${this.#count}`, offer: offer.name, host, stage: "wanted", failed: false },
        ...{ createdAtMs: this.nowMs, endsAtMs: this.nowMs + 1000 * offer.lifetimeSeconds },
        ...{ nanosPerSecond: offer.price?.nanosPerSecond ?? 0, idleSinceMs: this.nowMs },
        there: false,
      };
      this.pilots.set(pilot.id, pilot);
      return;
    }
    const pilot = this.pilots.get(action.id) as Mutable;
    if (action.kind === "drain") pilot.stage = "draining";
    if (action.kind === "stop") {
      Object.assign(pilot, { stage: "stopping", failed: action.failed });
      if (!this.faults || this.chance() < 0.5) pilot.there = false;
    }
    if (action.kind !== "end") return;
    for (const [id, { host }] of this.#runs) if (host === pilot.host) this.#runs.delete(id);
    Object.assign(pilot, { stage: "ended", failed: action.failed, endedAtMs: this.nowMs });
  }
}

type Mutable = {
  -readonly [Key in keyof Omit<
    PilotState,
    "starting" | "sighting" | "attached" | "runs" | "freeSlots" | "deviceSlots"
  >]: PilotState[Key];
} & { there: boolean };

function check(state: BurstState, actions: readonly BurstAction[]): void {
  const { nowMs, config, pilots, waiting } = state;
  const starts = actions.flatMap((action) => (action.kind === "start" ? [action] : []));
  const living = pilots.filter(({ stage }) => stage !== "ended");
  const insist = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`${what} at ${nowMs}: ${JSON.stringify(actions)}`);
  };
  const hosts = [...living, ...starts].map(({ host }) => host);
  insist(new Set(hosts).size === hosts.length, "one name, one pilot");
  insist(starts.length === 0 || hosts.length <= config.pilotsMax, "no more than pilotsMax");
  const cost = starts.reduce(
    (sum, { offer }) => sum + (offer.price?.nanosPerSecond ?? 0) * offer.lifetimeSeconds,
    Number(committedNanos(pilots, nowMs)),
  );
  insist(starts.length === 0 || cost <= (config.budget?.nanosPerDay ?? cost), "within the budget");
  for (const { jobId, host, offer } of starts) {
    const job = waiting.find(({ id }) => id === jobId);
    insist(job?.hosts.has(host) === true, "lawful for the job");
    insist(nowMs >= (job?.sinceMs ?? nowMs) + 1000 * offer.waitSeconds, "after its wait");
  }
  for (const pilot of living) {
    const [own] = actions.filter((action) => action.kind !== "start" && action.id === pilot.id);
    if (nowMs >= pilot.endsAtMs)
      insist(own?.kind === "stop" || own?.kind === "end", "over in time");
    const isBusy = pilot.stage === "joined" && pilot.runs > 0 && pilot.sighting === "running";
    const isEarly = nowMs < pilot.endsAtMs - 300_000;
    if (isBusy && isEarly) insist(own === undefined, "work is left alone");
  }
}

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
        const random = generator(seed);
        const ids = Array.from({ length: devices }, (_, at) => ({ id: `cuda:${at}`, slots: 1 }));
        const config = configOf(
          [
            { ...offerParts, devices: ids },
            { ...offerParts, name: "dear", price: { currency: "USD", nanosPerSecond: 90 } },
          ],
          { pilotsMax, budget: { currency: "USD", nanosPerDay } },
        );
        const world = new Day(config, random, true);
        for (let step = 0; step < 300; step += 1) {
          if (random() < 0.2) world.submit();
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
    const random = generator(7);
    const world = new Day(configOf([offerParts]), random, false);
    for (let job = 0; job < 20; job += 1) world.submit();
    for (const [id, { hosts }] of world.jobs) if (hosts.size === 0) world.jobs.delete(id);
    const asked = world.jobs.size;
    for (let step = 0; step < 2000; step += 1) world.step();
    t.equal(world.served, asked);
  },
);

/** Numbers from 0 to 1 that a seed repeats. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

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
  const budget = { currency: "USD", nanosPerDay: 1 };
  t.match(faults([{ ...offerParts, price: undefined }], { budget }), /price: is missing/);
  const euros = { currency: "EUR", nanosPerSecond: 1 };
  t.match(faults([{ ...offerParts, price: euros }], { budget }), /price: is not in USD/);
  t.match(faults([{ ...offerParts, provider: { kind: "magic" } }]), /provider/);
});
