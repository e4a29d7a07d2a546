/** What burst planning is told, and what it answers with; all of it plain values. */
import type { BurstConfig, Offer, PilotStage } from "../../model/burst.js";

/** What its provider says; `unknown` when the provider could not be asked. */
export type Sighting = "pending" | "running" | "absent" | "unknown";

export interface PilotState {
  readonly id: string;
  readonly offer: string;
  readonly host: string;
  readonly stage: PilotStage;
  readonly createdAtMs: number;
  readonly endsAtMs: number;
  readonly endedAtMs?: number | undefined;
  /** It never did what it was paid for: the offer rests before the next attempt. */
  readonly failed: boolean;
  readonly nanosPerSecond: number;
  /** The call that starts it is under way. */
  readonly starting: boolean;
  readonly sighting: Sighting;
  /** Whether its agent has a stream now. */
  readonly attached: boolean;
  /** Runs granted there. */
  readonly runs: number;
  /** Of all its devices; until it has joined those that it is to have. */
  readonly freeSlots: number;
  /** Of one of its devices: what a run takes that needs it whole. */
  readonly deviceSlots: number;
  /** Without a run since then. */
  readonly idleSinceMs: number;
}

export interface OfferState {
  readonly offer: Offer;
  /** Whether its provider answers. */
  readonly reachable: boolean;
  /** Names that no pilot bears now. */
  readonly freeHosts: readonly string[];
}

export interface WaitingJob {
  readonly id: string;
  readonly sinceMs: number;
  /** Pilots' names where the law admits it, whose devices it fits, and whose price it bears. */
  readonly hosts: ReadonlySet<string>;
  /** How many devices it takes whole; 0: one slot of one. */
  readonly wholeDevices: number;
  /** Begun later it would miss its deadline. */
  readonly startByMs?: number | undefined;
  /** All of its members wait; `spreads`: each needs a host of its own. */
  readonly gang?: { readonly id: string; readonly spreads: boolean } | undefined;
}

export interface BurstState {
  readonly nowMs: number;
  readonly config: Pick<BurstConfig, "pilotsMax" | "budget">;
  readonly offers: readonly OfferState[];
  /** Those that live, and those that ended within a day, oldest first. */
  readonly pilots: readonly PilotState[];
  /** First come first. */
  readonly waiting: readonly WaitingJob[];
}

export type BurstAction =
  | { readonly kind: "start"; readonly offer: Offer; readonly host: string; readonly jobId: string }
  /** Its runs may go on until then. */
  | {
      readonly kind: "drain";
      readonly id: string;
      readonly reason: string;
      readonly untilMs: number;
    }
  /** `reason` absent: asked before, and to be asked again. */
  | {
      readonly kind: "stop";
      readonly id: string;
      readonly reason?: string;
      readonly failed: boolean;
    }
  | {
      readonly kind: "end";
      readonly id: string;
      readonly reason?: string;
      readonly failed: boolean;
    };

/**
 * What keeps a job from getting a pilot, nearest to the goal last: every name that it could run under
 * is taken; it has not waited long enough; the provider does not answer; the offer rests after a
 * failure; there are as many pilots as there may be; the budget of the day is used up.
 */
export const obstacles = ["names", "wait", "silence", "rest", "number", "budget"] as const;
export type Obstacle = (typeof obstacles)[number];

export interface HeldJob {
  readonly jobId: string;
  readonly sinceMs: number;
  /** Of the offer that came furthest. */
  readonly obstacle: Obstacle;
}
