/**
 * When to bring pilots up and when to let them go. Pure: the same state gives the same actions, and a
 * state in which they have been carried out gives none of them again.
 *
 * A job asks for a pilot when it has waited long enough, or when it would miss its deadline if it
 * waited on; only where `hosts` says that it is lawful. One pilot is asked for by as many jobs as it has
 * room for, and those that are on their way count.
 */
import { Spare } from "./spare.js";
import { startsFor } from "./starts.js";
import type { BurstAction, BurstState, HeldJob, PilotState } from "./state.js";

/** A provider may need so long before it lists what it has just started. */
export const listedWithinMs = 15_000;
/** Runs have to be over so long before their pilot is. */
const stopMarginMs = 5_000;

export interface BurstPlan {
  readonly actions: readonly BurstAction[];
  /** Jobs that get no pilot now. */
  readonly held: readonly HeldJob[];
}

export function planBurst(state: BurstState): BurstPlan {
  const { starts, held, spare } = startsFor(state, Spare.of(state.pilots));
  const living = state.pilots.filter(({ stage }) => stage !== "ended");
  return { actions: [...living.flatMap((pilot) => careFor(pilot, state, spare)), ...starts], held };
}

function careFor(pilot: PilotState, state: BurstState, spare: Spare): readonly BurstAction[] {
  const { id, stage, failed, sighting, starting } = pilot;
  const { nowMs } = state;
  if (stage === "stopping") {
    const isGone = sighting === "absent" && !starting;
    return [{ kind: isGone ? "end" : "stop", id, failed }];
  }
  const hasJoined = stage === "joined" || stage === "draining";
  if (nowMs >= pilot.endsAtMs) {
    return [{ kind: "stop", id, reason: "its time is over", failed: !hasJoined }];
  }
  const vanished = vanishing(pilot, nowMs);
  if (vanished !== undefined) return [{ kind: "end", id, reason: vanished, failed: !hasJoined }];
  const offer = state.offers.find((one) => one.offer.name === pilot.offer)?.offer;
  if (offer === undefined) return [];
  if (!hasJoined) {
    if (nowMs < pilot.createdAtMs + 1000 * offer.bootSeconds) return [];
    const reason = `it did not join within ${offer.bootSeconds} s`;
    return [{ kind: "stop", id, reason, failed: true }];
  }
  if (stage === "draining") return pilot.runs === 0 ? [{ kind: "stop", id, failed }] : [];
  if (nowMs >= pilot.endsAtMs - 1000 * offer.drainSeconds) {
    const untilMs = Math.max(nowMs, pilot.endsAtMs - stopMarginMs);
    return [{ kind: "drain", id, reason: "its time is nearly over", untilMs }];
  }
  const isIdle = pilot.runs === 0 && nowMs >= pilot.idleSinceMs + 1000 * offer.idleSeconds;
  if (!isIdle || spare.isAwaited(pilot.host)) return [];
  return [{ kind: "drain", id, reason: `no run for ${offer.idleSeconds} s`, untilMs: nowMs }];
}

/** Why a pilot is no longer there though nobody asked for its end; undefined while it is. */
function vanishing(pilot: PilotState, nowMs: number): string | undefined {
  const { sighting, attached, starting, stage, createdAtMs } = pilot;
  if (sighting !== "absent" || attached || starting) return undefined;
  if (nowMs < createdAtMs + listedWithinMs) return undefined;
  if (stage === "wanted") return "it was never started";
  return stage === "started" ? "it ended before it joined" : "its provider ended it";
}
