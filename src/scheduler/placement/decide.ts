/**
 * One job, one fleet, one decision. Pure and deterministic: the same arguments give the same bytes
 * whatever the order of the hosts, so a decision can be made again from its record.
 */
import type { Digest } from "../../base/bytes.js";
import type { DataSet } from "../../model/data-set.js";
import type { Decision, Offer, Outcome, Paper, Reason } from "../../model/decision.js";
import type { Device, HostView } from "../../model/host.js";
import type { JobSpec } from "../../model/job.js";
import type { Ask, Asks, Law, Stand } from "./ask.js";
import type { Board, Origin } from "./board.js";
import { fittingDevices } from "./devices.js";
import { depthOf } from "./filters.js";
import type { KeptOut, Worth } from "./finding.js";
import { compare } from "./fleet.js";

export interface Question {
  readonly id: string;
  readonly job: JobSpec;
  readonly jobDigest: Digest;
  /** RFC 3339. */
  readonly at: string;
  /** The job's data set, where it names one. */
  readonly dataSet: DataSet | undefined;
  readonly policy: Law;
}

/** A record names at most so many; what matters most comes first. */
const offersMax = 8;
const reasonsMax = 16;
const namedMax = 4;

/** A decision, and what it names of the law and of the fleet. */
export interface Judgement {
  readonly decision: Decision;
  readonly lawPaper: Paper;
  readonly origin: Origin;
}

export function decide(asks: Asks, question: Question): Judgement {
  const { id, job, jobDigest, at, policy } = question;
  const ask = asks.ask(policy, job, question.dataSet);
  const lawPaper = ask.lawPaper();
  const origin = asks.board.origin();
  const worthy: Worthy[] = [];
  const kept: Kept[] = [];
  for (const stand of ask.stands()) {
    if ("fault" in stand.finding) kept.push(stand as Kept);
    else worthy.push(stand as Worthy);
  }
  worthy.sort((a, b) => b.finding.score - a.finding.score || compare(first(a), first(b)));
  const offers = worthy.slice(0, offersMax).map((stand) => offerOf(asks.board, job, stand));
  const isLawful = worthy.length > 0 || kept.some(({ finding }) => !finding.binding);
  const decision: Decision = {
    version: "quipu.dev/decision/v2",
    id,
    jobDigest,
    at,
    policyDigest: policy.digest,
    lawDigest: lawPaper.digest,
    fleetDigest: origin.digest,
    taken: [...origin.taken],
    outcome: outcomeOf(offers[0], asks.board.size > 0 && !isLawful),
    offers,
    reasons: asks.board.size === 0 ? [nobody] : reasonsOf(kept),
  };
  return { decision, lawPaper, origin };
}

type Worthy = Stand & { readonly finding: Worth };
type Kept = Stand & { readonly finding: KeptOut };

const nobody: Reason = {
  rule: "fleet.empty",
  text: "No host has joined the fleet yet.",
  hosts: 0,
  named: [],
};

const first = ({ names }: Stand): string => names[0] as string;

function outcomeOf(best: Offer | undefined, unlawful: boolean): Outcome {
  if (best !== undefined) return { kind: "placed", host: best.host, device: best.device };
  return { kind: unlawful ? "refused" : "queued" };
}

function offerOf(board: Board, job: JobSpec, { names, finding }: Worthy): Offer {
  const host = board.view(names[0] as string) as HostView;
  const device = fittingDevices(job, host).free[0] as Device;
  const { name, place } = host;
  return { host: name, place, device: device.id, ...finding, hosts: names.length };
}

function reasonsOf(kept: readonly Kept[]): Reason[] {
  const rows = new Map<string, { fault: KeptOut["fault"]; hosts: number; named: string[] }>();
  for (const { names, finding } of kept) {
    const key = `${finding.fault.rule} ${finding.fault.text}`;
    const row = rows.get(key) ?? { fault: finding.fault, hosts: 0, named: [] };
    row.hosts += names.length;
    row.named.push(...names.slice(0, namedMax));
    rows.set(key, row);
  }
  return [...rows.values()]
    .map(({ fault, hosts, named }) => ({
      ...fault,
      hosts,
      named: named.sort(compare).slice(0, namedMax),
    }))
    .sort(
      (a, b) =>
        depthOf(b.rule) - depthOf(a.rule) ||
        b.hosts - a.hosts ||
        compare(a.named[0] as string, b.named[0] as string),
    )
    .slice(0, reasonsMax);
}

/** Why a host does not get the job, or what it is worth: the row of it that a record leaves out. */
export function findFor(ask: Ask, host: string): Stand["finding"] | undefined {
  for (const { names, finding } of ask.stands()) if (names.includes(host)) return finding;
  return undefined;
}
