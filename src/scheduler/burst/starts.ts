/** Which pilots to ask for, and what keeps the other jobs from getting one: decided by the same checks. */
import { Budget } from "./budget.js";
import type { Spare } from "./spare.js";
import {
  type BurstAction,
  type BurstState,
  type HeldJob,
  type Obstacle,
  type OfferState,
  obstacles,
  type PilotState,
  type WaitingJob,
} from "./state.js";

/** An offer rests so long after a failure; twice as long after each further one. */
const restMsMin = 15_000;
const restMsMax = 30 * 60_000;

type Start = Extract<BurstAction, { kind: "start" }>;

export function startsFor(
  state: BurstState,
  spare: Spare,
): { readonly starts: readonly Start[]; readonly held: readonly HeldJob[] } {
  const { pilots } = state;
  const budget = new Budget(state);
  const living = pilots.filter(({ stage }) => stage !== "ended").length;
  let offers = [...state.offers].sort(byPrice);
  const starts: Start[] = [];
  const held: HeldJob[] = [];
  for (const job of inOrder(state)) {
    if (spare.take(job)) continue; // of one that is there, on its way, or has just been asked for
    const count = living + starts.length;
    const checked = offers.map((one) => ({
      one,
      obstacle: obstacleOf(job, one, state, count, budget),
    }));
    const chosen = checked.find(({ obstacle }) => obstacle === undefined)?.one;
    const host = chosen?.freeHosts.find((free) => job.hosts.has(free));
    if (chosen === undefined || host === undefined) {
      held.push({ jobId: job.id, sinceMs: job.sinceMs, obstacle: furthest(checked) });
      continue;
    }
    const { offer } = chosen;
    budget.take(offer);
    spare.add(host, offer);
    spare.take(job);
    const left = { ...chosen, freeHosts: chosen.freeHosts.filter((free) => free !== host) };
    offers = offers.map((one) => (one === chosen ? left : one));
    starts.push({ kind: "start", offer, host, jobId: job.id });
  }
  return { starts, held };
}

/** Those that may ask for a pilot now come before those that have not waited long enough. */
function inOrder({ waiting, offers, nowMs }: BurstState): readonly WaitingJob[] {
  const isDue = (job: WaitingJob) =>
    offers.some((one) => hasName(job, one) && hasWaited(job, one, nowMs));
  return [...waiting.filter(isDue), ...waiting.filter((job) => !isDue(job))];
}

function obstacleOf(
  job: WaitingJob,
  one: OfferState,
  { pilots, nowMs, config }: BurstState,
  count: number,
  budget: Budget,
): Obstacle | undefined {
  const { offer, reachable } = one;
  if (!hasName(job, one)) return "names";
  if (!hasWaited(job, one, nowMs)) return "wait";
  if (!reachable) return "silence";
  const own = pilots.filter((pilot) => pilot.offer === offer.name);
  const isFailing = own.some(({ stage, failed }) => stage === "stopping" && failed);
  if (isFailing || nowMs < restsUntilMs(own)) return "rest";
  if (count >= config.pilotsMax) return "number";
  return budget.bears(offer) ? undefined : "budget";
}

function furthest(checked: readonly { readonly obstacle: Obstacle | undefined }[]): Obstacle {
  const depths = checked.map(({ obstacle = "names" }) => obstacles.indexOf(obstacle));
  return obstacles[Math.max(0, ...depths)] as Obstacle;
}

function hasName({ hosts }: WaitingJob, { freeHosts }: OfferState): boolean {
  return freeHosts.some((host) => hosts.has(host));
}

function hasWaited(
  { sinceMs, startByMs }: WaitingJob,
  { offer }: OfferState,
  nowMs: number,
): boolean {
  if (nowMs >= sinceMs + 1000 * offer.waitSeconds) return true;
  return startByMs !== undefined && nowMs + 1000 * offer.bootSeconds >= startByMs;
}

/** Private capacity first, then the cheapest; what has no price may cost anything. */
function byPrice({ offer: a }: OfferState, { offer: b }: OfferState): number {
  const site = Number(a.place.site === "public") - Number(b.place.site === "public");
  if (site !== 0) return site;
  const [first, second] = [a, b].map(({ price }) => price?.nanosPerSecond ?? Number.MAX_VALUE);
  return (first as number) - (second as number) || (a.name < b.name ? -1 : 1);
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
