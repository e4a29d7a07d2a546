/**
 * Audits by re-execution: a run is run again on another host, and the answers are compared. Whoever
 * answers as another host does is believed; whoever stands alone against two that agree is not.
 */
import type { Digest } from "../base/bytes.js";

/** Whose the jobs of audits are: nobody else's bear this name. */
export const auditOwner = "quipu-audit";

/** Why a run was chosen: its host is new, by lot, or because somebody asked. */
export type AuditReason = "new-host" | "lot" | "asked";

/**
 * `open`: another host is asked. `disputed`: answers differ, and one more is asked. `agreed`: two are the
 * same and none differs. `decided`: two are the same and others differ. `undecided`: they differ, and
 * nobody is left to ask. `unanswered`: nobody else came to an answer.
 */
export type AuditState = "open" | "disputed" | AuditEnd;
export type AuditEnd = "agreed" | "decided" | "undecided" | "unanswered";

/**
 * Of one answer. `alone`: no other was the same, and nobody knows which was right. `silent`: the host was
 * asked and failed, which says nothing of anybody.
 */
export type Finding = "open" | "disputed" | "right" | "wrong" | "alone" | "silent";

/** What a run came to: the digest over its outputs, or the code of the job's own fault. */
export type Outcome = Digest | `failed:${string}`;

/** Of a host that came to neither. */
export const noAnswer = "none";

export interface Answer {
  readonly host: string;
  /** Of the receipt key that signed it. */
  readonly keyId: string;
  readonly answer: Outcome | typeof noAnswer;
  readonly atMs: number;
}

export interface AuditRules {
  /** The part of the runs of known hosts that is run again, from 0 to 1. */
  readonly rate: number;
  /** Of a host every run is run again until so many answers in a row were right. */
  readonly newHostRuns: number;
  /** An audit ends by then without an answer. */
  readonly withinMs: number;
}

export function isAuditOver(state: AuditState): state is AuditEnd {
  return state !== "open" && state !== "disputed";
}
