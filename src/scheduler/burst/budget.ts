/**
 * What pilots have cost and may still cost, held against what they may in any 24 hours. One that lives
 * counts with its whole lifetime: nothing is started that could not be paid for to its end.
 */
import type { Offer } from "../../model/burst.js";
import type { BurstState, PilotState } from "./state.js";

/** A pilot that was over before then counts no longer. */
export const budgetWindowMs = 24 * 3_600_000;

export class Budget {
  readonly #nanosMax: bigint | undefined;
  #nanos: bigint;

  static of({ config, pilots, nowMs }: Pick<BurstState, "config" | "pilots" | "nowMs">): Budget {
    const nanosMax = config.budget && BigInt(config.budget.nanosPerDay);
    return new Budget(nanosMax, committedNanos(pilots, nowMs));
  }

  private constructor(nanosMax: bigint | undefined, nanos: bigint) {
    this.#nanosMax = nanosMax;
    this.#nanos = nanos;
  }

  copy(): Budget {
    return new Budget(this.#nanosMax, this.#nanos);
  }

  bears(offer: Offer): boolean {
    return this.#nanosMax === undefined || this.#nanos + wholeCost(offer) <= this.#nanosMax;
  }

  take(offer: Offer): void {
    this.#nanos += wholeCost(offer);
  }
}

export function committedNanos(pilots: readonly PilotState[], nowMs: number): bigint {
  return pilots
    .filter(({ endedAtMs }) => endedAtMs === undefined || endedAtMs > nowMs - budgetWindowMs)
    .reduce((sum, pilot) => sum + costNanos(pilot), 0n);
}

function wholeCost({ price, lifetimeSeconds }: Offer): bigint {
  return BigInt(price?.nanosPerSecond ?? 0) * BigInt(lifetimeSeconds);
}

/** Begun seconds are paid for. */
function costNanos({ nanosPerSecond, createdAtMs, endsAtMs, endedAtMs }: PilotState): bigint {
  const seconds = Math.ceil(Math.max(0, (endedAtMs ?? endsAtMs) - createdAtMs) / 1000);
  return BigInt(nanosPerSecond) * BigInt(seconds);
}
