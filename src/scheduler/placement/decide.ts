/**
 * One job, one fleet, one decision. Pure and deterministic: the same arguments give the same bytes
 * whatever the order of the hosts, so a decision can be made again from its record.
 */
import type { Digest } from "../../base/bytes.js";
import type { DataSet } from "../../model/data-set.js";
import {
  type Bounds,
  type Decision,
  type DecisionVersion,
  decisionVersions,
  type Offer,
  type Outcome,
  type Paper,
  type Reason,
} from "../../model/decision.js";
import type { JobSpec } from "../../model/job.js";
import { fetchWeight, noFetch } from "../../model/locality.js";
import { type PriceBook, priceBookDigest } from "../../model/price-book.js";
import type { Counts } from "../../model/terms.js";
import type { Ask, Asks, Law } from "./ask.js";
import { placeIn } from "./cells.js";
import { depthOf, isBusy } from "./filters.js";
import type { KeptOut, Worth } from "./finding.js";
import { compare } from "./fleet.js";
import type { Origin } from "./origin.js";

export interface Question {
  readonly id: string;
  readonly job: JobSpec;
  readonly jobDigest: Digest;
  /** RFC 3339. */
  readonly at: string;
  /** The job's data set, where it names one. */
  readonly dataSet: DataSet | undefined;
  /** What the books say, where a rule may ask. */
  readonly counts?: Counts | undefined;
  readonly bounds?: Bounds | undefined;
  readonly policy: Law;
  /** What devices cost at that moment, where anybody has said so. */
  readonly book?: PriceBook | undefined;
  /** The newest, unless a record is made again. */
  readonly version?: DecisionVersion;
}

/** A record names at most so many; what matters most comes first. */
const offersMax = 4;
const reasonsMax = 16;
const namedMax = 4;

/** A decision, and what it names of law, prices and fleet. */
export interface Judgement {
  readonly decision: Decision;
  readonly lawPaper: Paper;
  readonly origin: Origin;
  readonly book: PriceBook | undefined;
}

/**
 * Hosts where the job failed before get it again only when no other that could run it is there: one
 * that is merely busy is waited for.
 */
export function decide(asks: Asks, question: Question): Judgement {
  const judgement = decideWithin(asks, question);
  const { failedHosts, ...bounds } = question.bounds ?? {};
  const { outcome, reasons } = judgement.decision;
  const hasOthers = outcome.kind === "placed" || reasons.some(({ rule }) => isBusy(rule));
  return failedHosts === undefined || hasOthers
    ? judgement
    : decideWithin(asks, { ...question, bounds });
}

function decideWithin(asks: Asks, question: Question): Judgement {
  const { id, job, jobDigest, at, policy, dataSet, counts, book, bounds = {} } = question;
  const { version = decisionVersions[0] } = question;
  const ask = asks.ask(policy, { job, dataSet, at, counts, bounds, version }, book);
  const lawPaper = ask.lawPaper();
  const origin = asks.board.origin();
  const best = new Best();
  const kept = new KeptRows();
  ask.each((names, finding) => {
    if ("fault" in finding) kept.add(names, finding);
    else best.add(names, finding);
  });
  const offers = best.rows.map(({ names, worth }) => ask.offer(names, worth));
  const isLawful = offers.length > 0 || kept.someLawful;
  const decision: Decision = {
    version,
    id,
    jobDigest,
    at,
    policyDigest: policy.digest,
    lawDigest: lawPaper.digest,
    ...(book === undefined ? {} : { priceBookDigest: priceBookDigest(book) }),
    fleetDigest: origin.digest,
    taken: [...origin.taken],
    ...(Object.keys(bounds).length === 0 ? {} : { bounds }),
    outcome: outcomeOf(ask, offers[0], asks.board.size > 0 && !isLawful),
    offers,
    reasons: asks.board.size === 0 ? [nobody] : kept.reasons(),
  };
  return { decision, lawPaper, origin, book };
}

const nobody: Reason = {
  rule: "fleet.empty",
  text: "No host has joined the fleet yet.",
  hosts: 0,
  named: [],
};

function outcomeOf(ask: Ask, best: Offer | undefined, unlawful: boolean): Outcome {
  if (best !== undefined) return { kind: "placed", host: best.host, ...ask.demand(best) };
  return { kind: unlawful ? "refused" : "queued" };
}

interface BestRow {
  readonly names: readonly string[];
  readonly worth: Worth;
}

/** Best first; of the equally good the first by name. */
class Best {
  readonly rows: BestRow[] = [];

  add(names: readonly string[], worth: Worth): void {
    const last = this.rows.at(-1);
    if (last !== undefined && this.rows.length === offersMax && !isBefore(names, worth, last))
      return;
    let at = this.rows.length;
    while (at > 0 && isBefore(names, worth, this.rows[at - 1] as BestRow)) at -= 1;
    this.rows.splice(at, 0, { names, worth });
    if (this.rows.length > offersMax) this.rows.pop();
  }
}

/** Points are coarse: of as many the one to which bytes come cheaper, then from less far. */
function isBefore(names: readonly string[], worth: Worth, row: BestRow): boolean {
  if (worth.score !== row.worth.score) return worth.score > row.worth.score;
  const [mine, other] = [worth.egress?.nanos ?? 0, row.worth.egress?.nanos ?? 0];
  if (mine !== other) return BigInt(mine) < BigInt(other);
  const [my, its] = [worth, row.worth].map(({ fetch = noFetch }) => fetchWeight(fetch));
  if (my !== its) return (my as bigint) < (its as bigint);
  return (names[0] as string) < (row.names[0] as string);
}

interface KeptRow {
  readonly fault: KeptOut["fault"];
  hosts: number;
  readonly named: string[];
}

/** Hosts that are kept out, by the words in which they are. */
class KeptRows {
  someLawful = false;
  readonly #rows = new Map<string, KeptRow>();

  add(names: readonly string[], { fault, key, binding }: KeptOut): void {
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { fault, hosts: 0, named: [] };
      this.#rows.set(key, row);
    }
    row.hosts += names.length;
    nameFirst(row.named, names);
    this.someLawful ||= !binding;
  }

  reasons(): Reason[] {
    return [...this.#rows.values()]
      .map(({ fault, hosts, named }) => ({ ...fault, hosts, named }))
      .sort(
        (a, b) =>
          depthOf(b.rule) - depthOf(a.rule) ||
          b.hosts - a.hosts ||
          compare(a.named[0] as string, b.named[0] as string),
      )
      .slice(0, reasonsMax);
  }
}

/** Keeps the first names of both, ascending. */
function nameFirst(named: string[], more: readonly string[]): void {
  for (let i = 0; i < namedMax && i < more.length; i += 1) {
    const one = more[i] as string;
    if (named.length === namedMax && one > (named[namedMax - 1] as string)) return;
    named.splice(placeIn(named, one), 0, one);
    if (named.length > namedMax) named.pop();
  }
}
