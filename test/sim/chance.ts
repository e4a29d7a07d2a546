/** Random choices of a simulation, all from one seed. */
import { type Random, randomInteger, seededRandom } from "../../src/base/random.js";

export class Chance {
  readonly random: Random;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** True with this probability. */
  hit(probability: number): boolean {
    return probability > 0 && this.#fraction() < probability;
  }

  /** Whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + randomInteger(this.random, most - least + 1);
  }

  pick<T>(items: readonly T[]): T {
    return items[randomInteger(this.random, items.length)] as T;
  }

  #fraction(): number {
    return randomInteger(this.random, 2 ** 32) / 2 ** 32;
  }
}

/** How bad the weather of one seed is; each seed draws its own, so that rare mixes occur too. */
export interface Weather {
  /** Of each message. */
  readonly lossRate: number;
  readonly doubleRate: number;
  readonly delayMsMax: number;
  /** Mean time between cuts of each stream, and how often a cut goes unnoticed at first. */
  readonly cutEveryMs: number;
  readonly silentCutRate: number;
  /** Mean time between times at which some hosts' lines are clogged, one after another. */
  readonly clogEveryMs: number;
  /** Mean time between times at which a line becomes slow, and then carries nothing up. */
  readonly lagEveryMs: number;
  /** Mean time between blackouts of a whole country. */
  readonly blackoutEveryMs: number;
  /** How far a boot clock may be from true time, in parts of a million. */
  readonly clockDriftPpm: number;
  /** How long a host stays without a stream at most. */
  readonly redialMsMax: number;
  readonly agentCrashEveryMs: number;
  readonly coordinatorCrashEveryMs: number;
  /** Of each durable operation: fails with nothing done; takes its process with it. */
  readonly diskFaultRate: number;
  readonly diskCrashRate: number;
  readonly diskDelayMsMax: number;
  /** Some reads of the coordinator's store wait so long at most, for a commit of somebody else's. */
  readonly readDelayMsMax: number;
  /** Whether all submissions come at once. */
  readonly isRush: boolean;
  readonly cancelRate: number;
  /** Mean time between the doings of whoever looks after the hosts. */
  readonly operatorEveryMs: number;
  readonly workFailureRate: number;
  readonly workMsMax: number;
}

export function drawWeather(chance: Chance): Weather {
  const often = <T>(rates: readonly T[]): T => chance.pick(rates);
  return {
    lossRate: often([0, 0, 0.01, 0.1]),
    doubleRate: often([0, 0.05, 0.3]),
    delayMsMax: often([2, 50, 500, 3000]),
    cutEveryMs: often([2_000, 6_000, 15_000, 1_000_000]),
    silentCutRate: often([0, 0.5]),
    clogEveryMs: often([3_000, 10_000, 1_000_000]),
    lagEveryMs: often([2_000, 8_000, 1_000_000, 1_000_000]),
    blackoutEveryMs: often([12_000, 1_000_000, 1_000_000]),
    clockDriftPpm: often([0, 200, 5_000]),
    redialMsMax: often([500, 8_000, 20_000]),
    agentCrashEveryMs: often([4_000, 15_000, 1_000_000]),
    coordinatorCrashEveryMs: often([5_000, 15_000, 1_000_000]),
    diskFaultRate: often([0, 0, 0.05]),
    diskCrashRate: often([0, 0.003, 0.02]),
    diskDelayMsMax: often([0, 3, 40, 400]),
    readDelayMsMax: often([0, 0, 0, 10, 200]),
    isRush: often([false, false, false, true]),
    cancelRate: often([0, 0.2, 0.6]),
    operatorEveryMs: often([2_000, 8_000, 1_000_000]),
    workFailureRate: often([0, 0.15]),
    workMsMax: often([50, 4_000, 20_000, 20_000]),
  };
}

export const fairWeather: Weather = {
  lossRate: 0,
  doubleRate: 0,
  delayMsMax: 2,
  cutEveryMs: Number.POSITIVE_INFINITY,
  silentCutRate: 0,
  clogEveryMs: Number.POSITIVE_INFINITY,
  lagEveryMs: Number.POSITIVE_INFINITY,
  blackoutEveryMs: Number.POSITIVE_INFINITY,
  clockDriftPpm: 0,
  redialMsMax: 500,
  agentCrashEveryMs: Number.POSITIVE_INFINITY,
  coordinatorCrashEveryMs: Number.POSITIVE_INFINITY,
  diskFaultRate: 0,
  diskCrashRate: 0,
  diskDelayMsMax: 1,
  readDelayMsMax: 0,
  isRush: false,
  cancelRate: 0,
  operatorEveryMs: Number.POSITIVE_INFINITY,
  workFailureRate: 0,
  workMsMax: 50,
};
