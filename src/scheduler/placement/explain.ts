/** A decision in one sentence, and what would have to change: the answer to `quipu why`. */
import type { Decision, Offer, Reason } from "../../model/decision.js";
import { depthOf, filterOf } from "./filters.js";
import { compare } from "./fleet.js";

export interface Explanation {
  readonly sentence: string;
  /** Empty when the job is placed. */
  readonly change: string;
  /** The rule that decided; empty when the job is placed. */
  readonly rule: string;
}

const namedMax = 4;

/** The job comes after others. */
export const graphRule = "graph.after";

/** What would have to be otherwise where the reason is about no host. */
const changes = {
  "fleet.empty": "It runs when a lawful host joins.",
  [graphRule]: "It can be placed when they have succeeded; if one of them does not, it ends.",
} as const;

function isAboutNoHost(rule: string): rule is keyof typeof changes {
  return Object.hasOwn(changes, rule);
}

/** What a decision says about itself; less than a whole record, so that a client can explain it too. */
export type Explained = Pick<Decision, "outcome" | "offers" | "reasons">;

export function explain({ outcome, offers, reasons }: Explained): Explanation {
  const best = offers[0];
  if (outcome.kind === "placed" && best !== undefined) {
    return { sentence: placedSentence(best, offers), change: "", rule: "" };
  }
  const dominant = dominantRule(reasons);
  const kept = reasons.filter(({ rule }) => rule === dominant);
  const first = kept.sort((a, b) => compare(a.named[0] ?? "", b.named[0] ?? ""))[0];
  if (first === undefined || first.rule === "fleet.empty") {
    const sentence = "Waiting: no host has joined the fleet yet.";
    return { sentence, change: changes["fleet.empty"], rule: "fleet.empty" };
  }
  if (isAboutNoHost(first.rule)) {
    return { sentence: `Waiting: ${first.text}`, change: changes[first.rule], rule: first.rule };
  }
  const names = hostList(kept);
  const law = first.law === undefined ? "" : ` Basis: ${first.law}.`;
  const { change } = filterOf(first.rule);
  if (outcome.kind === "refused") {
    const sentence = `Refused by ${first.rule} on ${names}: ${first.text}${law}`;
    return { sentence, change: `It can run only when ${change}.`, rule: first.rule };
  }
  const sentence = `Waiting for ${names}: ${first.text}`;
  return { sentence, change: `It waits until ${change}.`, rule: first.rule };
}

function placedSentence(best: Offer, offers: readonly Offer[]): string {
  const { country, site } = best.place;
  const alike = offers.reduce((sum, { hosts }) => sum + hosts, 0);
  const why =
    best.parts.burst !== undefined
      ? "no lawful private host has room, so it bursts to public capacity"
      : alike === 1
        ? "it is the only lawful host with room"
        : `it scores best of ${alike} lawful hosts with room`;
  const devices =
    best.devices === undefined ? `device ${best.device}` : `devices ${best.devices.join(", ")}`;
  return `Placed on ${best.host} (${country}, ${site}), ${devices}: ${why}.`;
}

/**
 * The rule to name: the one of the hosts that came furthest, for they are nearest to running it.
 * Among the rules of one filter (law) the one that keeps out most hosts, then the first by name.
 */
function dominantRule(reasons: readonly Reason[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { rule, hosts } of reasons) counts.set(rule, (counts.get(rule) ?? 0) + hosts);
  return [...counts].sort(
    ([a, hostsOfA], [b, hostsOfB]) =>
      depthOf(b) - depthOf(a) || hostsOfB - hostsOfA || compare(a, b),
  )[0]?.[0];
}

/** What would have to be otherwise for a host that this rule keeps out, said after "that". */
export function changeFor(rule: string): string {
  return filterOf(rule).change;
}

/** Up to four names, and how many more. */
export function hostList(rows: readonly Pick<Reason, "hosts" | "named">[]): string {
  const named = rows.flatMap((row) => row.named).sort(compare);
  const hosts = rows.reduce((sum, row) => sum + row.hosts, 0);
  const shown = named.slice(0, namedMax);
  const more = hosts - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
