/**
 * All members of a gang or none. Members are seated one after the other, each in what those before it
 * left; when one finds no place, whoever asked gives back what the others were to have.
 */
import type { Bounds, GangBound, Taken } from "../../model/decision.js";
import type { Gang } from "../../model/gang.js";
import { rowsOf } from "../../model/host.js";
import type { Judgement } from "./decide.js";
import { compare } from "./fleet.js";

export interface Seating<J extends Judgement> {
  /** In order of rank; of a gang that is whole, all. */
  readonly seated: readonly J[];
  /** What they were to have, to be given back where the gang is not whole. */
  readonly taken: readonly Taken[];
  /** The member that found no place. */
  readonly left?: J;
}

/** `take` is told row by row of each place as soon as it is found, before the next member is judged. */
export function seatGang<J extends Judgement>(
  { size, spread }: Gang,
  judge: (rank: number, bound: Pick<Bounds, "gang">) => J,
  take: (taken: Taken) => void,
): Seating<J> {
  const seated: J[] = [];
  const taken: Taken[] = [];
  for (let rank = 0; rank < size; rank += 1) {
    const hosts = [...new Set(taken.map(({ host }) => host))].sort(compare);
    const isBound = spread === "hosts" && hosts.length > 0;
    const judgement = judge(rank, isBound ? { gang: { size, hosts } } : {});
    const { outcome } = judgement.decision;
    if (outcome.kind !== "placed") return { seated, taken, left: judgement };
    for (const row of rowsOf(outcome)) {
      taken.push({ host: outcome.host, ...row });
      take({ host: outcome.host, ...row });
    }
    seated.push(judgement);
  }
  return { seated, taken };
}

/** Why each member of a gang waits that is not whole: as its own decisions say it. */
export function lackOf({ size }: Gang, room: number, most: number, left: Judgement): GangBound {
  const rule = left.decision.reasons[0]?.rule;
  return { size, room, most, ...(rule === undefined ? {} : { next: rule }) };
}
