/**
 * One job, one snapshot of the fleet, one decision. Pure and deterministic: the same arguments give
 * the same bytes whatever the order of the hosts, so a decision can be made again from its record.
 */
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { DataSet } from "../../model/data-set.js";
import type { Decision, Offer, Outcome, Reason } from "../../model/decision.js";
import type { HostView } from "../../model/host.js";
import type { JobSpec } from "../../model/job.js";
import type { PolicyEngine } from "../policy/engine.js";
import type { Verdict } from "../policy/verdict.js";
import { fittingDevices } from "./devices.js";
import { type Asked, filters } from "./filters.js";
import { compare, type Fleet } from "./fleet.js";
import { scoreParts } from "./scores.js";

export interface Question {
  readonly id: string;
  readonly job: JobSpec;
  readonly jobDigest: Digest;
  /** RFC 3339. */
  readonly at: string;
  readonly fleet: Fleet;
  /** The job's data set, where it names one. */
  readonly dataSet: DataSet | undefined;
  readonly policy: Pick<PolicyEngine, "digest" | "runOn">;
}

export function decide(question: Question): Decision {
  const { id, jobDigest, at, policy } = question;
  const { hosts, digest: fleetDigest } = question.fleet;
  const asked = askedOf(question);
  const offers: Offer[] = [];
  const reasons: Reason[] = [];
  let lawful = 0;
  for (const host of hosts) {
    const { reason, binding } = firstFault(asked, host);
    if (!binding) lawful += 1;
    if (reason === undefined) offers.push(offerOf(asked, host));
    else reasons.push(reason);
  }
  if (hosts.length === 0) {
    reasons.push({ host: "", rule: "fleet.empty", text: "No host has joined the fleet yet." });
  }
  offers.sort((a, b) => b.score - a.score || compare(a.host, b.host));
  return {
    version: "quipu.dev/decision/v1",
    id,
    jobDigest,
    at,
    policyDigest: policy.digest,
    fleetDigest,
    outcome: outcomeOf(offers[0], hosts.length > 0 && lawful === 0),
    offers,
    reasons,
  };
}

/** The law is asked once a host: by the filter, and again for the rules that an offer names. */
function askedOf({ job, dataSet, policy }: Question): Asked {
  const verdicts = new Map<string, Verdict>();
  return {
    job,
    verdict(host) {
      const known = verdicts.get(host.name);
      if (known !== undefined) return known;
      const verdict = policy.runOn({ job, dataSet, host });
      verdicts.set(host.name, verdict);
      return verdict;
    },
  };
}

function outcomeOf(best: Offer | undefined, unlawful: boolean): Outcome {
  if (best !== undefined) return { kind: "placed", host: best.host, device: best.device };
  return { kind: unlawful ? "refused" : "queued" };
}

function firstFault(asked: Asked, host: HostView): { reason?: Reason; binding: boolean } {
  for (const filter of filters) {
    const fault = filter.check(asked, host);
    if (fault === undefined) continue;
    return { reason: { host: host.name, rule: filter.rule, ...fault }, binding: filter.binding };
  }
  return { binding: false };
}

function offerOf(asked: Asked, host: HostView): Offer {
  const { job } = asked;
  const device = fittingDevices(job, host).free[0];
  const verdict = asked.verdict(host);
  if (device === undefined || !verdict.allowed) {
    throw new QuipuError("INTERNAL", `host ${host.name} passed every filter and does not fit`);
  }
  const parts = scoreParts(job, host, device);
  const score = Object.values(parts).reduce((sum, part) => sum + part, 0);
  const { name, place } = host;
  return { host: name, place, device: device.id, score, parts, rules: verdict.rules };
}
