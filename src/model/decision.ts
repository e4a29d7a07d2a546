/** What was decided about a job at one moment, why, and from which facts: enough to decide it again. */
import type { Digest } from "../base/bytes.js";
import type { Place } from "./place.js";

/** One host's verdict on a job: the first rule that kept it out. */
export interface Reason {
  readonly host: string;
  /** A Cedar policy id or the name of a placement filter; stable. */
  readonly rule: string;
  readonly text: string;
  /** Statute or contract behind the rule, where it has one. */
  readonly law?: string;
}

/** A host that is lawful and fits. */
export interface Offer {
  readonly host: string;
  readonly place: Place;
  readonly device: string;
  readonly score: number;
  /** Score by its parts, so that it can be read and checked. */
  readonly parts: Readonly<Record<string, number>>;
  /** Ids of the policies that permit it. */
  readonly rules: readonly string[];
}

export type Outcome =
  | { readonly kind: "placed"; readonly host: string; readonly device: string }
  /** Lawful somewhere, but no room or no attached host now. */
  | { readonly kind: "queued" }
  /** No host, whatever its load, may lawfully run it. */
  | { readonly kind: "refused" };

export interface Decision {
  readonly version: "quipu.dev/decision/v1";
  readonly id: string;
  readonly jobDigest: Digest;
  /** RFC 3339. */
  readonly at: string;
  readonly policyDigest: Digest;
  /** Digest of the canonical fleet snapshot that it was decided from. */
  readonly fleetDigest: Digest;
  readonly outcome: Outcome;
  readonly offers: readonly Offer[];
  readonly reasons: readonly Reason[];
}
