/** Whole days of a fleet of pilots, in which every action of the planner is checked. */
import { type BurstConfig, pilotHosts } from "../src/model/burst.js";
import { committedNanos } from "../src/scheduler/burst/budget.js";
import { planBurst } from "../src/scheduler/burst/plan.js";
import type {
  BurstAction,
  BurstState,
  PilotState,
  Sighting,
} from "../src/scheduler/burst/state.js";
import type { Chance } from "./sim/chance.js";

const stepMs = 5_000;

/** A day of a fleet that is made of pilots only: chance decides what providers and jobs do. */
export class Day {
  nowMs = 0;
  readonly pilots = new Map<string, Mutable>();
  readonly jobs = new Map<string, { sinceMs: number; hosts: ReadonlySet<string>; runMs: number }>();
  readonly #runs = new Map<string, { host: string; endsAtMs: number }>();
  #count = 0;
  served = 0;

  constructor(
    readonly config: BurstConfig,
    readonly chance: Chance,
    public faults: boolean,
  ) {}

  submit(): void {
    const offers = this.config.offers.filter(() => this.chance.hit(0.6));
    const hosts = new Set(offers.flatMap(pilotHosts));
    this.#count += 1;
    const runMs = this.chance.between(1_000, 400_999);
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
    const happens = (share: number) => this.faults && this.chance.hit(share);
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
        reachable: !this.faults || this.chance.hit(0.9),
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
        wholeDevices: 0,
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
      if (!this.faults || this.chance.hit(0.5)) pilot.there = false;
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
