/**
 * What was decided about a job at one moment, why, and from which facts: enough to decide it again.
 * Hosts that are alike are told of together, so that a record stays small however large the fleet.
 */
import type { Digest } from "../base/bytes.js";
import type { Egress, Pull } from "./egress.js";
import type { DeviceKind, DeviceLoad, RunLoad } from "./host.js";
import type { Fetch } from "./locality.js";
import type { Place } from "./place.js";
import type { Price } from "./price-book.js";
import type { Counts } from "./terms.js";

/** Newest first. What an older record says is made again by the rules of its own version. */
export const decisionVersions = ["quipu.dev/decision/v5", "quipu.dev/decision/v4"] as const;
export type DecisionVersion = (typeof decisionVersions)[number];

/** Whether it weighs how far inputs come. */
export function weighsLocality(version: DecisionVersion): boolean {
  return version !== "quipu.dev/decision/v4";
}

/** One rule that kept hosts out: of each of them the first. */
export interface Reason {
  /** A Cedar policy id or the name of a placement filter; stable. */
  readonly rule: string;
  readonly text: string;
  /** Statute or contract behind the rule, where it has one. */
  readonly law?: string;
  /** How many. */
  readonly hosts: number;
  /** The first of them by name. */
  readonly named: readonly string[];
}

/** A host that is lawful and fits. */
export interface Offer {
  readonly host: string;
  readonly place: Place;
  readonly device: string;
  /** All that it would take, where those are several. */
  readonly devices?: readonly string[];
  readonly score: number;
  /** Score by its parts, so that it can be read and checked. */
  readonly parts: Readonly<Record<string, number>>;
  /** Ids of the policies that permit it. */
  readonly rules: readonly string[];
  /** Of its devices together, where each has one. */
  readonly price?: Price;
  /** Of bringing its inputs there, where a book says what bytes cost. */
  readonly egress?: Egress;
  /** What it would have to fetch, where it is known that some host need not. */
  readonly fetch?: Fetch;
  /** Of its devices while the job runs, where their rates say watts and its budget how long. */
  readonly energyWattSeconds?: number;
  /** Hosts that are as good, itself included: it is the first of them by name. */
  readonly hosts: number;
}

export type Outcome =
  | ({ readonly kind: "placed"; readonly host: string } & RunLoad)
  /** Lawful somewhere, but no room or no attached host now. */
  | { readonly kind: "queued" }
  /** No host, whatever its load, may lawfully run it. */
  | { readonly kind: "refused" };

/** What a decision gave away: a row for each device, and for the host. */
export interface Taken extends DeviceLoad {
  readonly host: string;
}

export interface ExportRefusal {
  readonly country: string;
  readonly operator?: string;
  readonly rule: string;
  readonly text: string;
  readonly law?: string;
}

/** What the rest of its gang means for a member. */
export interface GangBound {
  readonly size: number;
  /** Where other members are, if no two may be on one host. Ascending. */
  readonly hosts?: readonly string[];
  /** Members that there is room for now: fewer than all, so that none of them is placed. */
  readonly room?: number;
  /** Members that the fleet could hold if nothing ran. */
  readonly most?: number;
  /** The rule that kept the next one out. */
  readonly next?: string;
}

/** What limits the job for now, whatever is free. */
export interface Bounds {
  /** Where it failed by no fault of its own: it goes to others while there are any. Ascending. */
  readonly failedHosts?: readonly string[];
  /** Where a run was answered for that it runs again. Ascending. */
  readonly audited?: readonly string[];
  /** Kinds of device on which it was: another kind is asked first. Ascending. */
  readonly auditedKinds?: readonly DeviceKind[];
  /** What it takes from another job is not to be had now, in words. */
  readonly absent?: string;
  /** Of which its owner may have no more, in words. */
  readonly kinds?: readonly { readonly kind: DeviceKind; readonly text: string }[];
  /** Where what it takes from other jobs may not go, and the rule that says so. */
  readonly exports?: readonly ExportRefusal[];
  readonly gang?: GangBound;
  /** What it has to bring as far as sizes are known, where that is not the same to all hosts. */
  readonly pulls?: readonly Pull[];
}

export interface Decision {
  readonly version: DecisionVersion;
  readonly id: string;
  readonly jobDigest: Digest;
  /** RFC 3339. */
  readonly at: string;
  readonly policyDigest: Digest;
  /** Names the law report: what the law says of each group of hosts. */
  readonly lawDigest: Digest;
  /** Names the price book in force, where there was one. */
  readonly priceBookDigest?: Digest;
  /** Names the fleet that it was decided from, before what others had `taken` of it. */
  readonly fleetDigest: Digest;
  readonly taken: readonly Taken[];
  /** Absent where there were none. */
  readonly bounds?: Bounds;
  readonly outcome: Outcome;
  /** Best first; the best of each kind of host. */
  readonly offers: readonly Offer[];
  /** Those of the hosts that came furthest first: they are nearest to running it. */
  readonly reasons: readonly Reason[];
}

/** The hosts that the law cannot tell apart, and what it says of them. */
export interface LawGroup {
  readonly place: Place;
  /** Where some rule names hosts, every host is a group of its own. */
  readonly host?: string;
  readonly hosts: number;
  /** SHA-256 of their names, sorted, as canonical JSON. */
  readonly membersDigest: Digest;
  readonly verdict:
    | { readonly allowed: true; readonly rules: readonly string[] }
    | {
        readonly allowed: false;
        readonly rule: string;
        readonly text: string;
        readonly law?: string;
      };
}

/** The same for all decisions about jobs alike while hosts, rules and data stay what they are. */
export interface LawReport {
  readonly version: "quipu.dev/law/v1";
  readonly policyDigest: Digest;
  /** What the books said, where a rule may have asked. */
  readonly counts?: Counts;
  readonly groups: readonly LawGroup[];
}

/** Bytes that records name by a digest, kept once for all of them. */
export interface Paper {
  readonly digest: Digest;
  readonly content: Uint8Array;
}
