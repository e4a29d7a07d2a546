/** Which runs are run again, and how likely that finds a host that cheats. Pure. */
import type { AuditReason, AuditRules } from "../../model/audit.js";

/**
 * `rightInRow`: the host's answers that were right since the last wrong one. `draw`: from 0 to 1, drawn
 * after the receipt was signed, so that no host knows which of its runs will be looked into.
 */
export function reasonToAudit(
  { rate, newHostRuns }: AuditRules,
  rightInRow: number,
  draw: number,
): AuditReason | undefined {
  if (rightInRow < newHostRuns) return "new-host";
  return draw < rate ? "lot" : undefined;
}

/**
 * The chance that a known host is found out within `runs` runs of which it falsifies the part
 * `cheats`: 1 - (1 - rate * cheats)^runs. A falsified run that is looked into is always found, for
 * canonical arithmetic has one right answer.
 */
export function detectionChance(rate: number, cheats: number, runs: number): number {
  return 1 - (1 - rate * cheats) ** runs;
}
