/** What the engine answers, and the refusals that are the engine's own and cannot be switched off. */
export type Verdict =
  /** Ids of the rules that permit it. */
  { readonly allowed: true; readonly rules: readonly string[] } | Refusal;

export interface Refusal {
  readonly allowed: false;
  readonly rule: string;
  readonly text: string;
  readonly law?: string;
}

/**
 * Unknown means no:
 * - `place.unknown`: country, site or grade is missing or not a known value;
 * - `data.unknown`: the data set is missing, is another one, or lacks a fact that rules look at;
 * - `engine.job`: the job lacks a fact that rules look at;
 * - `engine.time`: the moment that is asked about is none;
 * - `engine.evaluation`: a rule could not be evaluated. Cedar skips such a rule, also a forbid;
 * - `engine.no-permit`: nothing forbids it and nothing permits it;
 * - `engine.stale`: it would be allowed, but a rule that concerns it is past its day of review.
 */
export type EngineRule =
  | "place.unknown"
  | "data.unknown"
  | "engine.job"
  | "engine.time"
  | "engine.evaluation"
  | "engine.no-permit"
  | "engine.stale";

export function refuse(rule: EngineRule, text: string): Refusal {
  return { allowed: false, rule, text };
}
