/**
 * When to bring pilots up and when to let them go. Pure: the same state gives the same actions, and a
 * state in which they have been carried out gives none of them again.
 *
 * A job asks for a pilot when it has waited long enough, or when it would miss its deadline if it
 * waited on; only where `hosts` says that it is lawful. One pilot is asked for by as many jobs as it has
 * room for, and those that are on their way count.
 */
import type { Offer } from "../../model/burst.js";
import { Budget } from "./budget.js";
import type { BurstAction, BurstState, OfferState, PilotState, WaitingJob } from "./state.js";

/** A provider may need so long before it lists what it has just started. */
export const listedWithinMs = 15_000;
/** An offer rests so long after a failure; twice as long after each further one. */
const restMsMin = 15_000;
const restMsMax = 30 * 60_000;
/** Runs have to be over so long before their pilot is. */
const stopMarginMs = 5_000;

export function planBurst(state: BurstState): readonly BurstAction[] {
  const spare = new Spare(state.pilots);
  const unserved = inOrder(state).filter((job) => !spare.take(job));
  const starts = startsFor(unserved, state, spare);
  const living = state.pilots.filter(({ stage }) => stage !== "ended");
  return [...living.flatMap((pilot) => careFor(pilot, state, spare)), ...starts];
}

/** Those that may ask for a pilot now come before those that have not waited long enough. */
function inOrder({ waiting, offers, nowMs }: BurstState): readonly WaitingJob[] {
  const isDue = (job: WaitingJob) => offers.some((one) => asksFor(job, one, nowMs));
  return [...waiting.filter(isDue), ...waiting.filter((job) => !isDue(job))];
}

/** Whether the job wants a pilot of this offer now, and there is a name for one. */
function asksFor(
  { hosts, sinceMs, deadlineAtMs }: WaitingJob,
  { offer, freeHosts }: OfferState,
  nowMs: number,
): boolean {
  if (!freeHosts.some((host) => hosts.has(host))) return false;
  if (nowMs >= sinceMs + 1000 * offer.waitSeconds) return true;
  return deadlineAtMs !== undefined && nowMs + 1000 * offer.bootSeconds >= deadlineAtMs;
}

interface Room {
  readonly host: string;
  readonly deviceSlots: number;
  slots: number;
}

/** Room of pilots that are there or on their way, and that nobody has been given. */
class Spare {
  readonly #rooms: Room[];
  readonly #awaited = new Set<string>();

  constructor(pilots: readonly PilotState[]) {
    this.#rooms = pilots
      .filter(({ stage }) => stage === "wanted" || stage === "started" || stage === "joined")
      .map(({ host, freeSlots, deviceSlots }) => ({ host, deviceSlots, slots: freeSlots }));
  }

  add(host: string, { devices }: Offer): void {
    const slots = devices.reduce((sum, device) => sum + device.slots, 0);
    this.#rooms.push({ host, slots, deviceSlots: deviceSlotsOf(devices) });
  }

  take({ hosts, isLight }: WaitingJob): boolean {
    const needs = (room: Room) => (isLight ? 1 : room.deviceSlots);
    const room = this.#rooms.find((one) => one.slots >= needs(one) && hosts.has(one.host));
    if (room === undefined) return false;
    room.slots -= needs(room);
    this.#awaited.add(room.host);
    return true;
  }

  /** Whether some job waits for this very pilot. */
  isAwaited(host: string): boolean {
    return this.#awaited.has(host);
  }
}

/** The largest: a run that takes a device whole takes so many slots at most. */
export function deviceSlotsOf(devices: readonly { readonly slots: number }[]): number {
  return devices.reduce((most, { slots }) => Math.max(most, slots), 1);
}

function startsFor(
  unserved: readonly WaitingJob[],
  state: BurstState,
  spare: Spare,
): readonly BurstAction[] {
  const { nowMs, config, pilots } = state;
  const budget = new Budget(state);
  const living = pilots.filter(({ stage }) => stage !== "ended").length;
  let offers = [...state.offers].sort(byPrice).filter((one) => isOpen(one, state));
  const starts: BurstAction[] = [];
  for (const job of unserved) {
    if (spare.take(job)) continue; // of one that another job has just asked for
    if (living + starts.length >= config.pilotsMax) break;
    const chosen = offers.find((one) => asksFor(job, one, nowMs) && budget.bears(one.offer));
    const host = chosen?.freeHosts.find((free) => job.hosts.has(free));
    if (chosen === undefined || host === undefined) continue;
    const { offer } = chosen;
    budget.take(offer);
    spare.add(host, offer);
    spare.take(job);
    const left = { ...chosen, freeHosts: chosen.freeHosts.filter((free) => free !== host) };
    offers = offers.map((one) => (one === chosen ? left : one));
    starts.push({ kind: "start", offer, host, jobId: job.id });
  }
  return starts;
}

/** Private capacity first, then the cheapest; what has no price may cost anything. */
function byPrice({ offer: a }: OfferState, { offer: b }: OfferState): number {
  const site = Number(a.place.site === "public") - Number(b.place.site === "public");
  if (site !== 0) return site;
  const [first, second] = [a, b].map(({ price }) => price?.nanosPerSecond ?? Number.MAX_VALUE);
  return (first as number) - (second as number) || (a.name < b.name ? -1 : 1);
}

/** Not while its provider is silent, and not right after it has failed. */
function isOpen({ offer, reachable }: OfferState, { pilots, nowMs }: BurstState): boolean {
  const own = pilots.filter((pilot) => pilot.offer === offer.name);
  if (!reachable || own.some(({ stage, failed }) => stage === "stopping" && failed)) return false;
  return nowMs >= restsUntilMs(own);
}

/** Of the pilots of one offer; 0 where the newest that is known to be over did not fail. */
export function restsUntilMs(own: readonly PilotState[]): number {
  const tried = own
    .filter(({ stage }) => stage !== "wanted" && stage !== "started")
    .sort((a, b) => b.createdAtMs - a.createdAtMs);
  const good = tried.findIndex(({ failed }) => !failed);
  const failures = good < 0 ? tried : tried.slice(0, good);
  if (failures.length === 0) return 0;
  const lastMs = Math.max(...failures.map(({ endedAtMs }) => endedAtMs ?? 0));
  return lastMs + Math.min(restMsMax, restMsMin * 2 ** Math.min(failures.length - 1, 16));
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
