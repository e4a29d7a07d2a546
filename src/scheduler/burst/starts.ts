/**
 * Which pilots to ask for, and what keeps the other jobs from getting one: decided by the same checks. All
 * that a gang lacks is asked for at once or not at all: some of its pilots alone would cost and do nothing.
 */
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

/** What has been promised so far; copied, so that a gang which finds no room takes nothing. */
interface Books {
  readonly offers: readonly OfferState[];
  readonly budget: Budget;
  readonly spare: Spare;
  readonly starts: readonly Start[];
}

/** `spare`: what is left of it, and which pilots somebody waits for. */
export function startsFor(
  state: BurstState,
  spare: Spare,
): { readonly starts: readonly Start[]; readonly held: readonly HeldJob[]; readonly spare: Spare } {
  const offers = [...state.offers].sort(byPrice);
  const resting = new Set(offers.filter((one) => rests(one, state)).map(({ offer }) => offer.name));
  const living = state.pilots.filter(({ stage }) => stage !== "ended").length;
  const facts = { state, resting, living };
  let books: Books = { offers, budget: Budget.of(state), spare, starts: [] };
  const held: HeldJob[] = [];
  for (const unit of inOrder(unitsOf(state.waiting), state)) {
    const next = seat(unit, books, facts);
    if (typeof next === "object") books = next;
    else for (const { id, sinceMs } of unit) held.push({ jobId: id, sinceMs, obstacle: next });
  }
  return { starts: books.starts, held, spare: books.spare };
}

/** A job, or the members of a gang. */
type Unit = readonly WaitingJob[];

function unitsOf(waiting: readonly WaitingJob[]): readonly Unit[] {
  const units = new Map<string, WaitingJob[]>();
  for (const job of waiting) {
    const id = job.gang?.id ?? job.id;
    units.set(id, [...(units.get(id) ?? []), job]);
  }
  return [...units.values()];
}

/** Those that may ask for a pilot now come before those that have not waited long enough. */
function inOrder(units: readonly Unit[], { offers, nowMs }: BurstState): readonly Unit[] {
  const isDue = (unit: Unit) =>
    unit.some((job) => offers.some((one) => hasName(job, one) && hasWaited(job, one, nowMs)));
  const due = new Set(units.filter(isDue));
  return [...due, ...units.filter((unit) => !due.has(unit))];
}

/** A place for each of them, in pilots that are there, on their way, or asked for now; else what is in the way. */
function seat(unit: Unit, books: Books, facts: Facts): Books | Obstacle {
  let { offers, starts } = books;
  // One that is alone takes nothing where it finds no place.
  const isAlone = unit.length === 1;
  const budget = isAlone ? books.budget : books.budget.copy();
  const spare = isAlone ? books.spare : books.spare.copy();
  const taken = new Set<string>();
  for (const one of unit) {
    const job = one.gang?.spreads ? { ...one, hosts: without(one.hosts, taken) } : one;
    let host = spare.take(job);
    if (host === undefined) {
      const next = start(job, { offers, starts, budget, spare }, facts);
      if (typeof next === "string") return next;
      ({ offers, starts } = next);
      host = spare.take(job);
    }
    if (host !== undefined) taken.add(host);
  }
  return { offers, budget, spare, starts };
}

interface Facts {
  readonly state: BurstState;
  /** Offers that rest after a failure, by name. */
  readonly resting: ReadonlySet<string>;
  /** Pilots that have not ended. */
  readonly living: number;
}

/** One more pilot, for this job, of the first offer that nothing keeps from it. */
function start(
  job: WaitingJob,
  books: Books,
  facts: Facts,
): Pick<Books, "offers" | "starts"> | Obstacle {
  const { offers, budget, spare, starts } = books;
  const checked = offers.map((one) => ({ one, obstacle: obstacleOf(job, one, books, facts) }));
  const chosen = checked.find(({ obstacle }) => obstacle === undefined)?.one;
  const host = chosen?.freeHosts.find((free) => job.hosts.has(free));
  if (chosen === undefined || host === undefined) return furthest(checked);
  const { offer } = chosen;
  budget.take(offer);
  spare.add(host, offer);
  const left = { ...chosen, freeHosts: chosen.freeHosts.filter((free) => free !== host) };
  return {
    offers: offers.map((one) => (one === chosen ? left : one)),
    starts: [...starts, { kind: "start", offer, host, jobId: job.id }],
  };
}

function obstacleOf(
  job: WaitingJob,
  one: OfferState,
  { budget, starts }: Books,
  { state, resting, living }: Facts,
): Obstacle | undefined {
  const { offer, reachable } = one;
  if (!hasName(job, one)) return "names";
  if (!hasWaited(job, one, state.nowMs)) return "wait";
  if (!reachable) return "silence";
  if (resting.has(offer.name)) return "rest";
  if (living + starts.length >= state.config.pilotsMax) return "number";
  return budget.bears(offer) ? undefined : "budget";
}

function rests({ offer }: OfferState, { pilots, nowMs }: BurstState): boolean {
  const own = pilots.filter((pilot) => pilot.offer === offer.name);
  const isFailing = own.some(({ stage, failed }) => stage === "stopping" && failed);
  return isFailing || nowMs < restsUntilMs(own);
}

function without(hosts: ReadonlySet<string>, taken: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...hosts].filter((host) => !taken.has(host)));
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
