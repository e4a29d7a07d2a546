/** A decision in one sentence, and what would have to change: the answer to `quipu why`. */
import type { Decision, Offer, Reason } from "../../model/decision.js";
import { filters, law } from "./filters.js";

export interface Explanation {
  readonly sentence: string;
  /** Empty when the job is placed. */
  readonly change: string;
  /** The rule that decided; empty when the job is placed. */
  readonly rule: string;
}

const namedMax = 4;

/** What a decision says about itself; less than a whole record, so that a client can explain it too. */
export type Explained = Pick<Decision, "outcome" | "offers" | "reasons">;

export function explain({ outcome, offers, reasons }: Explained): Explanation {
  const best = offers[0];
  if (outcome.kind === "placed" && best !== undefined) {
    return { sentence: placedSentence(best, offers), change: "", rule: "" };
  }
  const dominant = dominantRule(reasons);
  const kept = reasons.filter(({ rule }) => rule === dominant);
  const first = kept[0];
  if (first === undefined || first.rule === "fleet.empty") {
    const sentence = "Waiting: no host has joined the fleet yet.";
    return { sentence, change: "It runs when a lawful host joins.", rule: "fleet.empty" };
  }
  const names = hostList(kept.map(({ host }) => host));
  const law = first.law === undefined ? "" : ` Basis: ${first.law}.`;
  const { change } = filterOf(first);
  if (outcome.kind === "refused") {
    const sentence = `Refused by ${first.rule} on ${names}: ${first.text}${law}`;
    return { sentence, change: `It can run only when ${change}.`, rule: first.rule };
  }
  const sentence = `Waiting for ${names}: ${first.text}`;
  return { sentence, change: `It waits until ${change}.`, rule: first.rule };
}

function placedSentence(best: Offer, offers: readonly Offer[]): string {
  const { country, site } = best.place;
  const others = offers.length - 1;
  const why =
    best.parts.burst !== undefined
      ? "no lawful private host has room, so it bursts to public capacity"
      : others === 0
        ? "it is the only lawful host with room"
        : `it scores best of ${offers.length} lawful hosts with room`;
  return `Placed on ${best.host} (${country}, ${site}), device ${best.device}: ${why}.`;
}

/**
 * The rule to name: the one of the hosts that came furthest, for they are nearest to running it.
 * Among the rules of one filter (law) the one that keeps out most hosts, then the first by name.
 */
function dominantRule(reasons: readonly Reason[]): string | undefined {
  const counts = new Map<string, { depth: number; hosts: number }>();
  for (const reason of reasons) {
    const depth = filters.indexOf(filterOf(reason));
    const seen = counts.get(reason.rule)?.hosts ?? 0;
    counts.set(reason.rule, { depth, hosts: seen + 1 });
  }
  return [...counts].sort(
    ([ruleA, a], [ruleB, b]) => b.depth - a.depth || b.hosts - a.hosts || (ruleA < ruleB ? -1 : 1),
  )[0]?.[0];
}

/** A rule that is no filter's own name is a policy's. */
function filterOf({ rule }: Reason) {
  return filters.find((each) => each.rule === rule) ?? law;
}

function hostList(names: readonly string[]): string {
  const shown = names.slice(0, namedMax).join(", ");
  const more = names.length - namedMax;
  return more > 0 ? `${shown} and ${more} more` : shown;
}
