/**
 * Brings pilots up and lets them go: looks at what providers say, asks the planner, and carries out
 * what it answers. One step at a time; nothing here is kept that a restart could not find again.
 */
import { QuipuError } from "../../base/errors.js";
import type { PilotOrder, Provider, Seen } from "../../io/burst/provider.js";
import type { PilotRecord } from "../../io/store/records.js";
import { type Offer, pilotHosts } from "../../model/burst.js";
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
import { drain, markEnded, markStarted, markStopping, want } from "./steps.js";
import { WaitingJobs } from "./waiting.js";

/** Steps between two looks at a provider of whose pilots none is known to live: for orphans. */
const stepsPerSweep = 12;

/** What a provider listed; undefined when it does not answer. */
type Sightings = ReadonlyMap<string, Seen> | undefined;

export interface BurstCounts {
  started: number;
  failed: number;
}

export class Burst {
  readonly #coreOf: () => Core;
  readonly #port: BurstPort;
  readonly counts: BurstCounts = { started: 0, failed: 0 };
  /** Why an offer's provider does not answer, or took no order last time. */
  readonly troubles = new Map<string, QuipuError>();
  /** As the last step saw it. */
  state: BurstState | undefined;
  held: readonly HeldJob[] = [];
  readonly #waiting = new WaitingJobs();
  readonly #starting = new Set<string>();
  readonly #orphans = new Set<string>();
  readonly #sightings = new Map<string, Sightings>();
  /** When a host was last seen with runs, or its pilot joined. */
  readonly #busyAtMs = new Map<string, number>();
  #steps = 0;
  #dueMs = 0;
  #stepping = false;

  constructor(core: () => Core, port: BurstPort) {
    this.#coreOf = core;
    this.#port = port;
  }

  get #core(): Core {
    return this.#coreOf();
  }

  /** Pilots that were found, and that nobody knew to live. */
  get orphans(): number {
    return this.#orphans.size;
  }

  /** To be called often; does nothing while a step is under way or none is due. */
  async tick(): Promise<void> {
    const nowMs = this.#core.ports.clock.bootMs();
    if (this.#stepping || nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + this.#port.stepMs;
    if (this.#core.ports.leads?.() === false) return;
    this.#stepping = true;
    try {
      await this.#step();
    } catch (thrown) {
      trouble(this.#core, "burst", thrown); // the next step sees all of it again
    } finally {
      this.#stepping = false;
    }
  }

  async #step(): Promise<void> {
    const { pilots } = this.#core.ports.store;
    const looked = await this.#look(await pilots.living());
    // Read after the look: whatever was listed then and is not among these has no right to be there.
    const living = await pilots.living();
    await this.#stopOrphans(looked, new Set(living.map(({ id }) => id)));
    const state = await this.#stateOf(living);
    const { actions, held } = planBurst(state);
    this.state = state;
    this.held = held;
    for (const action of actions) {
      try {
        await this.#carryOut(action, living);
      } catch (thrown) {
        trouble(this.#core, `burst: ${action.kind}`, thrown);
      }
    }
  }

  /** Asks each provider what there is, if pilots of it live or from time to time. */
  async #look(living: readonly PilotRecord[]): Promise<readonly string[]> {
    const isSweep = this.#steps % stepsPerSweep === 0;
    this.#steps += 1;
    const names = this.#port.config.offers.map(({ name }) => name);
    const asked = names.filter((name) => {
      const isSilent = this.#sightings.get(name) === undefined;
      return isSweep || isSilent || living.some(({ offer }) => offer === name);
    });
    const looks = asked.map(async (name) => {
      const isSilent = this.#sightings.get(name) === undefined;
      try {
        this.#sightings.set(name, await this.#providerOf(name).status());
        if (isSilent) this.troubles.delete(name);
      } catch (thrown) {
        this.#sightings.set(name, undefined);
        this.#troubled(name, thrown);
      }
    });
    await Promise.all(looks);
    return asked;
  }

  /** What outlived our knowledge of it: started by one that died at it, or from before a restore. */
  async #stopOrphans(looked: readonly string[], living: ReadonlySet<string>): Promise<void> {
    for (const offer of looked) {
      for (const id of this.#sightings.get(offer)?.keys() ?? []) {
        if (living.has(id) || this.#starting.has(id)) continue;
        if (!this.#orphans.has(id)) this.#note(id, "", `is an orphan of offer ${offer}: stopped`);
        this.#orphans.add(id);
        await this.#ask(offer, (provider) => provider.stop(id));
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
      offers: config.offers.map((offer) => this.#offerState(offer, living)),
      pilots: [...ended, ...living].map((pilot) => this.#pilotState(pilot, nowMs)),
      waiting: await this.#waiting.look(this.#core, config),
    };
  }

  #offerState(offer: Offer, living: readonly PilotRecord[]): OfferState {
    const { hosts, runs } = this.#core;
    const borne = new Set(living.map(({ host }) => host));
    const freeHosts = pilotHosts(offer).filter(
      (name) =>
        // Runs of a pilot that was killed: until their leases are over they may go on somewhere.
        !borne.has(name) && runs.ofHost(name).length === 0 && hosts.get(name)?.cordon === undefined,
    );
    return { offer, reachable: this.#sightings.get(offer.name) !== undefined, freeHosts };
  }

  #pilotState(pilot: PilotRecord, nowMs: number): PilotState {
    const { hosts, runs, sessions } = this.#core;
    const { id, host, offer, joinedAtMs = 0 } = pilot;
    const count = pilot.stage === "ended" ? 0 : runs.ofHost(host).length;
    // In memory only: after a restart a pilot has its idle time anew.
    if (count > 0) this.#busyAtMs.set(host, nowMs);
    const busyAtMs = Math.max(this.#busyAtMs.get(host) ?? nowMs, joinedAtMs);
    if (joinedAtMs > 0) this.#busyAtMs.set(host, busyAtMs);
    const known = hosts.get(host);
    const devices = known?.cordon === undefined ? (known?.devices ?? []) : [];
    const load = pilot.stage === "ended" ? [] : runs.load(host);
    const freeSlots = sumOf(devices) - sumOf(load);
    const seen = this.#sightings.get(offer);
    return {
      ...pilot,
      nanosPerSecond: pilot.price?.nanosPerSecond ?? 0,
      starting: this.#starting.has(id),
      sighting: seen === undefined ? "unknown" : (seen.get(id) ?? "absent"),
      attached: sessions.has(host),
      runs: count,
      freeSlots: Math.max(0, freeSlots),
      deviceSlots: deviceSlotsOf(devices),
      idleSinceMs: busyAtMs,
    };
  }

  async #carryOut(action: BurstAction, living: readonly PilotRecord[]): Promise<void> {
    if (action.kind === "start") return await this.#start(action);
    const pilot = living.find(({ id }) => id === action.id);
    if (pilot === undefined) return;
    const { id, host, offer } = pilot;
    if (action.kind === "drain") {
      await drain(this.#core, pilot, action);
      return this.#note(id, host, `is drained: ${action.reason}`);
    }
    if (action.kind === "stop") {
      await markStopping(this.#core, id, action.failed, action.reason);
      if (action.reason !== undefined) this.#note(id, host, `is stopped: ${action.reason}`);
      return await this.#ask(offer, (provider) => provider.stop(id));
    }
    const known = this.#port.config.offers.find(({ name }) => name === offer);
    await markEnded(this.#core, pilot, action, known);
    if (action.failed) this.counts.failed += 1;
    this.#busyAtMs.delete(host);
    this.#note(id, host, `has ended: ${(action.reason ?? pilot.reason) || "it was let go"}`);
    await this.#ask(offer, (provider) => provider.stop(id)); // for it to tidy up
  }

  /** The provider's answer is not waited for: some take minutes. */
  async #start(action: Extract<BurstAction, { kind: "start" }>): Promise<void> {
    const { offer, host, jobId } = action;
    const order = await want(this.#core, action, this.#port.coordinator);
    this.#busyAtMs.delete(host);
    this.#note(order.id, host, `is asked for by job ${jobId}`);
    this.#starting.add(order.id);
    this.counts.started += 1;
    void this.#order(offer.name, order).finally(() => this.#starting.delete(order.id));
  }

  async #order(offer: string, order: PilotOrder): Promise<void> {
    try {
      // Another may have followed us since the order was written down; it has given it up, then.
      if (this.#core.ports.leads?.() === false) return;
      await this.#providerOf(offer).start(order);
      this.troubles.delete(offer);
      await markStarted(this.#core, order.id);
    } catch (thrown) {
      const error = QuipuError.from(thrown);
      this.#troubled(offer, error);
      // It may be under way all the same, so it is stopped like one that is there.
      const stopped = markStopping(this.#core, order.id, true, `${error.code}: ${error.message}`);
      await stopped.catch((failure: unknown) => trouble(this.#core, "burst", failure));
    }
  }

  async #ask(offer: string, call: (provider: Provider) => Promise<void>): Promise<void> {
    try {
      await call(this.#providerOf(offer));
    } catch (thrown) {
      this.#troubled(offer, thrown);
    }
  }

  /** Told once for as long as it stays the same. */
  #troubled(offer: string, thrown: unknown): void {
    const error = QuipuError.from(thrown);
    const isKnown = this.troubles.get(offer)?.message === error.message;
    this.troubles.set(offer, error);
    if (!isKnown) trouble(this.#core, `burst offer ${offer}`, error);
  }

  #providerOf(offer: string): Provider {
    const provider = this.#port.providers.get(offer);
    if (provider !== undefined) return provider;
    throw new QuipuError("INTERNAL", `offer ${offer} has no provider`);
  }

  #note(id: string, host: string, text: string): void {
    this.#core.ports.observe({ kind: "pilot", id, host, text });
  }
}

function sumOf(rows: readonly { readonly slots: number }[]): number {
  return rows.reduce((sum, { slots }) => sum + slots, 0);
}
