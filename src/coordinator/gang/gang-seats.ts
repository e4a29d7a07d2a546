/** Places for all members of a gang, or what each is told while there is no room for all of them. */
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { Bounds, Taken } from "../../model/decision.js";
import type { Gang } from "../../model/gang.js";
import { deviceKind, hostRow } from "../../model/host.js";
import { type JobSpec, wantedKinds } from "../../model/job.js";
import type { Counts } from "../../model/terms.js";
import { lackOf, type Seating, seatGang } from "../../scheduler/placement/gang.js";
import type { Shares } from "../../scheduler/queue/shares.js";
import type { Core } from "../core.js";
import { quotaBounds } from "../dispatch/bounds.js";
import type { BookedJudgement, ReadQuestion } from "../host/fleet.js";

export interface Member {
  readonly spec: JobSpec;
  readonly digest: Digest;
  /** But for what its owner's quota and the rest of the gang leave it. */
  readonly bounds: Bounds;
}

export interface Seats {
  /** Every member's, in order of rank: all of them placed, or none. */
  readonly judgements: readonly BookedJudgement[];
  readonly isSeated: boolean;
  /** Taken where all have a place, until it is given back; else merely found. */
  readonly room: readonly Taken[];
}

type Judge = (rank: number, more: Bounds) => BookedJudgement;

/** Done at once, so that nobody else decides meanwhile. `question` is any member's. */
export function findSeats(
  core: Core,
  shares: Shares,
  members: readonly [Member, ...Member[]],
  question: ReadQuestion,
): Seats {
  const judge: Judge = (rank, more) => {
    const { spec, digest, bounds } = members[rank] as Member;
    const counts = countsAfter(question.counts, rank);
    const all = { ...bounds, ...quotaBounds(shares, spec), ...more };
    return core.fleet.decideNow({ ...question, job: spec, counts }, digest, all);
  };
  const gang = gangOf(members[0]);
  // What is given back looks at the fleet anew: a host that came meanwhile would be seen only then, and
  // members be told of places that nobody has taken for them.
  core.fleet.refresh();
  const { seated, taken, left } = seat(core, shares, members[0].spec, judge);
  if (left === undefined) return { judgements: seated, isSeated: true, room: taken };
  if (members.some(({ bounds }) => bounds.failedHosts !== undefined)) {
    // Hosts where members failed before are better than no room for all.
    const [head, ...others] = members;
    return findSeats(core, shares, [anywhere(head), ...others.map(anywhere)], question);
  }
  const isRefused = left.decision.outcome.kind === "refused";
  const most = isRefused ? 0 : mostOf(core, shares, members[0], question);
  const lack = lackOf(gang, taken.length, most, left);
  const saysLack = isRefused || (most > 0 && (most < gang.size || taken.length > 0));
  const judgements = members.map((_, rank) => {
    const alone = saysLack && !isRefused ? undefined : judge(rank, {});
    // Some rule may name jobs, and refuse one member by itself: then it is refused in that rule's words.
    if (alone?.decision.outcome.kind === "refused") return alone;
    return saysLack || alone === undefined ? judge(rank, { gang: lack }) : alone;
  });
  return { judgements, isSeated: false, room: most < gang.size ? [] : taken };
}

function gangOf({ spec: { gang, name } }: Member): Gang {
  if (gang === undefined) throw new QuipuError("INTERNAL", `job ${name} is in no gang`);
  return gang;
}

function anywhere({ bounds: { failedHosts: _, ...bounds }, ...member }: Member): Member {
  return { ...member, bounds };
}

/** What members take stays taken only where all of them have a place. */
function seat(core: Core, shares: Shares, spec: JobSpec, judge: Judge): Seating<BookedJudgement> {
  const { owner } = spec;
  const seating = seatGang(gangOf({ spec } as Member), judge, ({ host, ...load }) => {
    core.fleet.take(host, load);
    if (load.device !== hostRow) shares.take(owner, deviceKind({ id: load.device }));
  });
  if (seating.left !== undefined) giveBack(core, shares, owner, seating.taken);
  return seating;
}

export function giveBack(core: Core, shares: Shares, owner: string, taken: readonly Taken[]): void {
  for (const { device } of taken) {
    if (device !== hostRow) shares.take(owner, deviceKind({ id: device }), -1);
  }
  core.fleet.giveBack(taken);
}

/** Members that the registered fleet could hold, within the owner's quota, if nothing else ran. */
function mostOf(
  { fleet }: Core,
  shares: Shares,
  { spec, bounds }: Member,
  question: ReadQuestion,
): number {
  const { size, spread } = gangOf({ spec } as Member);
  const { owner, resources } = spec;
  const { devices = 1 } = resources;
  const mayHave = wantedKinds(resources)
    .map((kind) => Math.floor(shares.limit(owner, kind) / devices))
    .reduce((sum, members) => sum + members, 0);
  const ask = fleet.askNow({ ...question, job: spec }, bounds);
  return Math.min(mayHave, ask.most(size, spread === "hosts" ? 1 : size));
}

/** As the books will stand when the members before this one have been written. */
function countsAfter(counts: Counts | undefined, rank: number): Counts | undefined {
  if (counts?.usesSoFar === undefined) return counts;
  return { ...counts, usesSoFar: counts.usesSoFar + rank };
}
