/**
 * Brings pilots up and lets them go: looks at what providers say, asks the planner, and carries out
 * what it answers. One step at a time; nothing here is kept that a restart could not find again.
 */
import { QuipuError } from "../../base/errors.js";
import type { PilotOrder } from "../../io/burst/provider.js";
import type { PilotRecord } from "../../io/store/records.js";
import { pilotHosts } from "../../model/burst.js";
import { budgetWindowMs } from "../../scheduler/burst/budget.js";
import { planBurst } from "../../scheduler/burst/plan.js";
import { deviceSlotsOf } from "../../scheduler/burst/spare.js";
import type {
  BurstAction,
  BurstState,
  HeldJob,
  OfferState,
  PilotState,
} from "../../scheduler/burst/state.js";
import { type Core, trouble } from "../core.js";
import type { BurstPort } from "../ports.js";
import { Desk, patienceMs } from "./desk.js";
import { drain, markEnded, markStarted, markStopping, want } from "./steps.js";
import { WaitingJobs } from "./waiting.js";

/** Steps between two looks at a provider of whose pilots none is known to live: for orphans. */
const stepsPerSweep = 12;

export interface BurstCounts {
  started: number;
  failed: number;
}

export class Burst {
  readonly #core: Core;
  readonly #port: BurstPort;
  readonly #desks: ReadonlyMap<string, Desk>;
  readonly counts: BurstCounts = { started: 0, failed: 0 };
  /** As the last step saw it. */
  state: BurstState | undefined;
  held: readonly HeldJob[] = [];
  readonly #waiting = new WaitingJobs();
  readonly #orphans = new Set<string>();
  /** When a pilot was last seen with runs, by its host's name. */
  readonly #busyAtMs = new Map<string, number>();
  #steps = 0;
  #dueMs = 0;
  #stage: "resting" | "looking" | "acting" = "resting";

  constructor(core: Core, port: BurstPort) {
    this.#core = core;
    this.#port = port;
    const desks = port.config.offers.map((offer) => {
      const provider = port.providers.get(offer.name);
      if (provider === undefined) throw new QuipuError("INTERNAL", `${offer.name} has no provider`);
      const tell = (error: QuipuError) => void trouble(core, `burst offer ${offer.name}`, error);
      return [offer.name, new Desk(offer, provider, core.ports.clock, tell)] as const;
    });
    this.#desks = new Map(desks);
  }

  /** Pilots that were found, and that nobody knew to live. */
  get orphans(): number {
    return this.#orphans.size;
  }

  troubleOf(offer: string): QuipuError | undefined {
    return this.#desks.get(offer)?.trouble;
  }

  /** To be called often; does nothing while a step is under way or none is due. */
  async tick(): Promise<void> {
    const nowMs = this.#core.ports.clock.bootMs();
    if (this.#stage === "looking" && nowMs >= this.#dueMs + patienceMs) await this.#act();
    if (this.#stage !== "resting" || nowMs < this.#dueMs) return;
    if (this.#core.ports.leads?.() === false) return;
    this.#dueMs = nowMs + this.#port.stepMs;
    this.#stage = "looking";
    await this.#look().catch((thrown: unknown) => trouble(this.#core, "burst", thrown));
    await this.#act();
  }

  /** Asks each provider what there is, if pilots of it live or from time to time. */
  async #look(): Promise<void> {
    const isSweep = this.#steps % stepsPerSweep === 0;
    this.#steps += 1;
    const living = await this.#core.ports.store.pilots.living();
    const asked = [...this.#desks.values()].filter((desk) => {
      return isSweep || desk.isSilent || living.some(({ offer }) => offer === desk.offer.name);
    });
    await Promise.all(asked.map((desk) => desk.look()));
  }

  async #act(): Promise<void> {
    if (this.#stage !== "looking") return; // done already, for a provider kept us waiting
    this.#stage = "acting";
    try {
      // Read after the look: what was listed then and is not among these has no right to be there.
      const living = await this.#core.ports.store.pilots.living();
      this.#stopOrphans(new Set(living.map(({ id }) => id)));
      const state = await this.#stateOf(living);
      const { actions, held } = planBurst(state);
      this.state = state;
      this.held = held;
      for (const action of actions) {
        const done = this.#carryOut(action, living);
        await done.catch((thrown) => trouble(this.#core, `burst: ${action.kind}`, thrown));
      }
    } catch (thrown) {
      trouble(this.#core, "burst", thrown); // the next step sees all of it again
    } finally {
      this.#stage = "resting";
    }
  }

  /** What outlived our knowledge of it: started by one that died at it, or from before a restore. */
  #stopOrphans(living: ReadonlySet<string>): void {
    for (const desk of this.#desks.values()) {
      for (const id of desk.news()) {
        if (living.has(id) || desk.isStarting(id)) continue;
        const { name } = desk.offer;
        if (!this.#orphans.has(id)) this.#note(id, "", `is an orphan of offer ${name}: stopped`);
        this.#orphans.add(id);
        desk.stop(id);
      }
    }
  }

  async #stateOf(living: readonly PilotRecord[]): Promise<BurstState> {
    const { config } = this.#port;
    const { clock, store } = this.#core.ports;
    const nowMs = clock.wallMs();
    const ended = await store.pilots.endedSince(nowMs - budgetWindowMs);
    return {
      nowMs,
      config,
      offers: [...this.#desks.values()].map((desk) => this.#offerState(desk, living)),
      pilots: [...ended.map(pastOf), ...living.map((pilot) => this.#pilotState(pilot, nowMs))],
      waiting: await this.#waiting.look(this.#core, config),
    };
  }

  #offerState({ offer, isSilent }: Desk, living: readonly PilotRecord[]): OfferState {
    const { hosts, runs } = this.#core;
    const borne = new Set(living.map(({ host }) => host));
    const freeHosts = pilotHosts(offer).filter(
      (name) =>
        // Runs of a pilot that was killed: until their leases are over they may go on somewhere.
        !borne.has(name) && runs.ofHost(name).length === 0 && hosts.get(name)?.cordon === undefined,
    );
    return { offer, reachable: !isSilent, freeHosts };
  }

  #pilotState(pilot: PilotRecord, nowMs: number): PilotState {
    const { hosts, runs, sessions } = this.#core;
    const { id, host, joinedAtMs = 0 } = pilot;
    const count = runs.ofHost(host).length;
    // In memory only: after a restart a pilot has its idle time anew.
    const busyAtMs = count > 0 ? nowMs : (this.#busyAtMs.get(host) ?? nowMs);
    this.#busyAtMs.set(host, Math.max(busyAtMs, joinedAtMs));
    const known = hosts.get(host);
    const devices = known?.cordon === undefined ? (known?.devices ?? []) : [];
    const desk = this.#desks.get(pilot.offer);
    return {
      ...pastOf(pilot),
      starting: desk?.isStarting(id) ?? false,
      sighting: desk?.sighting(id) ?? "unknown",
      attached: sessions.has(host),
      runs: count,
      freeSlots: Math.max(0, sumOf(devices) - sumOf(runs.load(host))),
      deviceSlots: deviceSlotsOf(devices),
      idleSinceMs: Math.max(busyAtMs, joinedAtMs),
    };
  }

  async #carryOut(action: BurstAction, living: readonly PilotRecord[]): Promise<void> {
    if (action.kind === "start") return await this.#start(action);
    const pilot = living.find(({ id }) => id === action.id);
    if (pilot === undefined) return;
    const { id, host, offer } = pilot;
    const desk = this.#desks.get(offer);
    if (action.kind === "drain") {
      await drain(this.#core, pilot, action);
      return this.#note(id, host, `is drained: ${action.reason}`);
    }
    if (action.kind === "stop") {
      await markStopping(this.#core, id, action.failed, action.reason);
      if (action.reason !== undefined) this.#note(id, host, `is stopped: ${action.reason}`);
      return desk?.stop(id);
    }
    await markEnded(this.#core, pilot, action, desk?.offer);
    if (action.failed) this.counts.failed += 1;
    this.#busyAtMs.delete(host);
    this.#note(id, host, `has ended: ${(action.reason ?? pilot.reason) || "it was let go"}`);
    desk?.stop(id); // for its provider to tidy up
  }

  /** The provider's answer is not waited for: some take minutes. */
  async #start(action: Extract<BurstAction, { kind: "start" }>): Promise<void> {
    const { offer, host, jobId } = action;
    const order = await want(this.#core, action, this.#port.coordinator);
    this.#note(order.id, host, `is asked for by job ${jobId}`);
    this.counts.started += 1;
    void this.#order(this.#desks.get(offer.name) as Desk, order);
  }

  async #order(desk: Desk, order: PilotOrder): Promise<void> {
    // Another may have followed us since the order was written down; it gives it up, then.
    if (this.#core.ports.leads?.() === false) return;
    try {
      const refusal = await desk.start(order).then(
        () => undefined,
        (error: QuipuError) => error,
      );
      // What was refused may be under way all the same, so it is stopped like one that is there.
      if (refusal === undefined) await markStarted(this.#core, order.id);
      else await markStopping(this.#core, order.id, true, `${refusal.code}: ${refusal.message}`);
    } catch (thrown) {
      trouble(this.#core, `burst: start of ${order.id}`, thrown); // a later step finds it out
    }
  }

  #note(id: string, host: string, text: string): void {
    this.#core.ports.observe({ kind: "pilot", id, host, text });
  }
}

/** What is known of a pilot when it is over. */
function pastOf(pilot: PilotRecord): PilotState {
  return {
    ...pilot,
    nanosPerSecond: pilot.price?.nanosPerSecond ?? 0,
    ...{ starting: false, sighting: "absent", attached: false },
    ...{ runs: 0, freeSlots: 0, deviceSlots: 1, idleSinceMs: 0 },
  };
}

function sumOf(rows: readonly { readonly slots: number }[]): number {
  return rows.reduce((sum, { slots }) => sum + slots, 0);
}
