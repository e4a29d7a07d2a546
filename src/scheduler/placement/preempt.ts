/**
 * Which runs have to leave so that a job gets a device: as little lost work as possible, and only where
 * the job would then be lawful and fit. Two rules let a job take a device that is in use:
 *
 * - `preempt.priority`: from runs of lower priority, of its own owner or on devices that theirs borrowed;
 * - `preempt.reclaim`: from runs on borrowed devices, as long as it stays within its owner's own quota.
 *
 * A run on a device of its owner's own quota never leaves for another owner.
 */
import { type DeviceKind, deviceKind, devicesOf, type RunLoad } from "../../model/host.js";
import type { Ask } from "./ask.js";
import { isBusy } from "./filters.js";
import { compare } from "./fleet.js";

export type PreemptRule = "preempt.priority" | "preempt.reclaim";

/** A run that might have to leave. */
export interface Running extends RunLoad {
  readonly runId: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly host: string;
  readonly owner: string;
  readonly priority: number;
  readonly startedAtMs: number;
}

export interface Claimant {
  readonly owner: string;
  readonly priority: number;
  /** Whether all that it asks for, of this kind, would be its owner's own. */
  ownsNext(kind: DeviceKind): boolean;
}

export interface Victim extends Running {
  readonly rule: PreemptRule;
}

/** Devices that an owner has beyond its own quota. */
export type Borrowed = (owner: string, kind: DeviceKind) => number;

/** Undefined where no lawful device can be had so. */
export function preemptionFor(
  ask: Ask,
  claimant: Claimant,
  running: readonly Running[],
  borrowed: Borrowed,
): readonly Victim[] | undefined {
  const places = new Map<string, Victim[]>();
  for (const run of running) {
    const rule = ruleFor(claimant, run, borrowed);
    if (rule === undefined) continue;
    for (const key of keysOf(ask, run)) {
      const victims = places.get(key) ?? [];
      victims.push({ ...run, rule });
      places.set(key, victims);
    }
  }
  // Nobody leaves a place for less than its cheapest run: the rest need not be looked at.
  const inOrder = [...places.values()].map((victims) => victims.sort(byCost)).sort(byCheapest);
  const shut = new Set<string>();
  let best: readonly Victim[] | undefined;
  for (const victims of inOrder) {
    if (best !== undefined && isDearer(victims, best)) break;
    const found = fewest(ask, victims, claimant, borrowed, shut);
    if (found !== undefined && (best === undefined || isBetter(found, best))) best = found;
  }
  return best;
}

/** One device is made room on by the runs there; several, or cores and memory, by runs of the whole host. */
function keysOf({ job: { resources } }: Ask, run: Running): readonly string[] {
  const { devices = 1, cores, hostMemoryBytes } = resources;
  const isOne = devices === 1 && cores === undefined && hostMemoryBytes === undefined;
  return isOne ? devicesOf(run).map((device) => `${run.host} ${device}`) : [run.host];
}

function isDearer([cheapest]: readonly Victim[], best: readonly Victim[]): boolean {
  return cheapest !== undefined && compareCosts(costOf([cheapest]), costOf(best)) > 0;
}

function isBetter(a: readonly Victim[], b: readonly Victim[]): boolean {
  return (compareCosts(costOf(a), costOf(b)) || compare(namesOf(a), namesOf(b))) < 0;
}

/** Of as much lost work the first by host and run. */
function namesOf(victims: readonly Victim[]): string {
  return victims.map(({ host, runId }) => `${host} ${runId}`).join();
}

export function ruleFor(
  { owner, priority, ownsNext }: Claimant,
  run: Pick<Running, "device" | "more" | "owner" | "priority">,
  borrowed: Borrowed,
): PreemptRule | undefined {
  const kind = deviceKind({ id: run.device });
  const isLent = run.owner !== owner && borrowed(run.owner, kind) >= devicesOf(run).length;
  if (run.priority < priority && (run.owner === owner || isLent)) return "preempt.priority";
  return isLent && ownsNext(kind) ? "preempt.reclaim" : undefined;
}

/** The cheapest runs of one place that make room; undefined where even all of them do not. */
function fewest(
  ask: Ask,
  victims: readonly Victim[],
  claimant: Claimant,
  borrowed: Borrowed,
  shut: Set<string>,
): readonly Victim[] | undefined {
  const [{ host } = { host: "" }] = victims;
  if (shut.has(host)) return undefined;
  const fitsWithout = (leaving: readonly Victim[]) => {
    const finding = ask.without(host, leaving);
    if (finding !== undefined && !("fault" in finding)) return true;
    // What keeps the job out of this host is not that it is busy: no run needs to leave it.
    if (finding === undefined || !isBusy(finding.fault.rule)) shut.add(host);
    return false;
  };
  const leaving: Victim[] = [];
  for (const victim of victims) {
    if (!mayLeaveToo(victim, leaving, claimant, borrowed)) continue;
    leaving.push(victim);
    if (fitsWithout(leaving)) return without(leaving, fitsWithout);
    if (shut.has(host)) return undefined;
  }
  return undefined;
}

/** No owner loses more to others than it borrowed. */
function mayLeaveToo(
  victim: Victim,
  leaving: readonly Victim[],
  claimant: Claimant,
  borrowed: Borrowed,
): boolean {
  const { owner, device } = victim;
  if (owner === claimant.owner) return true;
  const kind = deviceKind({ id: device });
  const lost = [...leaving, victim]
    .filter((one) => one.owner === owner && deviceKind({ id: one.device }) === kind)
    .reduce((sum, one) => sum + devicesOf(one).length, 0);
  return lost <= borrowed(owner, kind);
}

/** Without those that need not leave after all, the dearest first. */
function without(
  leaving: readonly Victim[],
  fits: (leaving: readonly Victim[]) => boolean,
): readonly Victim[] {
  let rest = leaving;
  for (const victim of [...leaving].reverse()) {
    const fewer = rest.filter((one) => one !== victim);
    if (fewer.length > 0 && fits(fewer)) rest = fewer;
  }
  return rest;
}

/** The highest priority that leaves; how many leave; the work that is lost, less the same for all of so many. */
type Cost = readonly [number, number, number];

function costOf(victims: readonly Victim[]): Cost {
  const priority = Math.max(...victims.map((victim) => victim.priority));
  const newestMs = victims.reduce((sum, { startedAtMs }) => sum - startedAtMs, 0);
  return [priority, victims.length, newestMs];
}

function compareCosts(a: Cost, b: Cost): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

function byCost(a: Victim, b: Victim): number {
  return a.priority - b.priority || b.startedAtMs - a.startedAtMs || compare(a.runId, b.runId);
}

function byCheapest([a]: readonly Victim[], [b]: readonly Victim[]): number {
  return a === undefined || b === undefined ? 0 : byCost(a, b);
}
