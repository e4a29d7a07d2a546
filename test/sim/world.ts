/** What all parts of one simulation share: time, chance, weather, and what has happened so far. */
import type { AuditRules } from "../../src/model/audit.js";
import { Chance, drawWeather, fairWeather, type Weather } from "./chance.js";
import { Timeline } from "./timeline.js";

/** A bug that is built in on purpose: a simulator that passes with one of them is blind. */
export const canaries = ["unwritten", "unfenced", "doubled-log", "overdrawn", "unordered"] as const;

export type Canary = (typeof canaries)[number];

export interface Counts {
  messages: number;
  losses: number;
  doubles: number;
  cuts: number;
  clogs: number;
  lags: number;
  blackouts: number;
  brakes: number;
  agentCrashes: number;
  /** Of these, in order. */
  agentEnds: number;
  coordinatorCrashes: number;
  diskFaults: number;
  cancels: number;
  cordons: number;
  runsStarted: number;
  runsStopped: number;
  rejected: number;
  /** Runs that had to leave for others. */
  preempted: number;
  /** Starts of jobs that come after others. */
  followed: number;
  /** Starts of members of gangs. */
  ganged: number;
  lies: number;
}

export class World {
  readonly time = new Timeline();
  readonly chance: Chance;
  readonly counts: Counts = {
    messages: 0,
    losses: 0,
    doubles: 0,
    cuts: 0,
    clogs: 0,
    lags: 0,
    blackouts: 0,
    brakes: 0,
    agentCrashes: 0,
    agentEnds: 0,
    coordinatorCrashes: 0,
    diskFaults: 0,
    cancels: 0,
    cordons: 0,
    runsStarted: 0,
    runsStopped: 0,
    rejected: 0,
    preempted: 0,
    followed: 0,
    ganged: 0,
    lies: 0,
  };
  readonly violations: string[] = [];
  readonly trace: string[] = [];
  readonly canary: Canary | undefined;
  readonly audits: AuditRules;
  /** A host that gives wrong answers now and then, in weather that is not fair. */
  liar: string | undefined;
  #weather: Weather;

  constructor(seed: number, canary: Canary | undefined) {
    this.chance = new Chance(seed);
    this.#weather = drawWeather(this.chance);
    this.canary = canary;
    // Wall clocks are off by minutes either way, so that some of them end unanswered.
    const withinMs = 900_000;
    const [rate, newHostRuns] = [this.chance.pick([0, 0.2, 1]), this.chance.pick([0, 3])];
    this.audits = { rate, newHostRuns, withinMs };
  }

  /** Whether this host lies this time. */
  lies(host: string): boolean {
    return host === this.liar && this.#weather !== fairWeather && this.chance.hit(0.5);
  }

  get weather(): Weather {
    return this.#weather;
  }

  /**
   * What a wall clock shows: each look is another clock's, minutes off. Nothing may depend on it.
   */
  wallMs(): number {
    return 1_800_000_000_000 + this.time.nowMs + this.chance.between(-600_000, 600_000);
  }

  /** From here on nothing fails any more: now everything must come to an end. */
  clear(): void {
    this.#weather = fairWeather;
    this.note("the weather clears");
  }

  note(text: string): void {
    this.trace.push(`${String(this.time.nowMs).padStart(8)} ${text}`);
  }

  violated(text: string): void {
    this.note(`VIOLATION ${text}`);
    this.violations.push(text);
  }

  /** Waits until the next event of a kind that comes every `meanMs` on average. */
  waitMs(meanMs: number): number {
    return Number.isFinite(meanMs) ? this.chance.between(1, Math.round(2 * meanMs)) : 1_000_000;
  }
}
