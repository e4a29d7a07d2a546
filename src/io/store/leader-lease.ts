/**
 * Who leads, as a value: one row, an epoch that only grows, and a lease on the database's clock.
 *
 * The lease decides when another may take over; it protects nothing. What protects is the epoch: a
 * leader's transaction locks the row and goes through only while the epoch is its own (`hold`), so a
 * leader that slept through its lease is refused, however wrong its clock is.
 */
import { QuipuError } from "../../base/errors.js";

export interface Leadership {
  /** Counts takings; 0 before the first. */
  readonly epoch: number;
  /** Chosen by whoever took it, new for each process. */
  readonly holder: string;
  /** Where the holder answers calls. */
  readonly address: string;
  /** Digest of the keys that the holder signs with; see `docs/coordinator.md`. */
  readonly keys: string;
  /** Wall-clock milliseconds of the database. */
  readonly leaseEndsAtMs: number;
}

export interface LeaderClaim extends Pick<Leadership, "holder" | "address" | "keys"> {
  readonly leaseMs: number;
}

/**
 * The leadership after `claim`: another's while its lease runs. Whoever holds it already keeps its
 * epoch: a taking whose answer was lost can be asked for again.
 */
export function takeLeadership(
  before: Leadership | undefined,
  { leaseMs, ...claim }: LeaderClaim,
  nowMs: number,
): Leadership {
  const leaseEndsAtMs = nowMs + leaseMs;
  if (before?.holder === claim.holder) return { ...before, leaseEndsAtMs };
  if (before !== undefined && nowMs < before.leaseEndsAtMs) return before;
  return { ...claim, epoch: (before?.epoch ?? 0) + 1, leaseEndsAtMs };
}

/**
 * Throws FENCED when the epoch is not the current one. A lease that has run out while nobody took
 * over still leads.
 */
export function requireLeadership(
  current: Leadership | undefined,
  epoch: number,
): asserts current is Leadership {
  if (current?.epoch === epoch) return;
  const newer = current === undefined ? "nobody leads" : `epoch ${current.epoch} leads now`;
  throw new QuipuError("FENCED", `this coordinator led in epoch ${epoch}; ${newer}`, {
    next: "stop this coordinator; the one that took over goes on",
  });
}
