/**
 * Who may have more devices, and who comes first. What an owner does not use of its quota others
 * borrow; nobody ever has more than nominal and borrowing limit together.
 */
import type { DeviceKind } from "../../model/host.js";
import { deviceKinds } from "../../model/host.js";
import { limitOf, nominalOf, noUsage, type Quota, type Usage } from "../../model/quota.js";

/** So many more devices would be: its own; at least one of them another's, lent; more than it may have. */
export type Claim = "own" | "lent" | "none";

export interface Holdings {
  readonly quotas: ReadonlyMap<string, Quota>;
  /** Devices of the fleet that take runs. */
  readonly capacity: Usage;
  used(owner: string): Usage | undefined;
}

export class Shares {
  readonly #holdings: Holdings;
  /** Since the holdings were looked at. */
  readonly #taken = new Map<string, Record<DeviceKind, number>>();

  constructor(holdings: Holdings) {
    this.#holdings = holdings;
  }

  used(owner: string, kind: DeviceKind): number {
    const held = this.#holdings.used(owner)?.[kind] ?? 0;
    return held + (this.#taken.get(owner)?.[kind] ?? 0);
  }

  take(owner: string, kind: DeviceKind, devices = 1): void {
    const taken = this.#taken.get(owner) ?? noUsage();
    taken[kind] += devices;
    this.#taken.set(owner, taken);
  }

  /** Everything that was taken is in the holdings now, or was given back. */
  settle(): void {
    this.#taken.clear();
  }

  claim(owner: string, kind: DeviceKind, devices = 1): Claim {
    const next = this.used(owner, kind) + devices;
    const quota = this.#holdings.quotas.get(owner);
    if (next <= nominalOf(quota, kind)) return "own";
    return next <= limitOf(quota, kind) ? "lent" : "none";
  }

  /** The best of several kinds. */
  bestClaim(owner: string, kinds: readonly DeviceKind[], devices = 1): Claim {
    let best: Claim = "none";
    for (const kind of kinds) {
      const claim = this.claim(owner, kind, devices);
      if (claim === "own") return claim;
      if (claim === "lent") best = claim;
    }
    return best;
  }

  /** Devices beyond its own. */
  borrowed(owner: string, kind: DeviceKind): number {
    const nominal = nominalOf(this.#holdings.quotas.get(owner), kind);
    return Math.max(0, this.used(owner, kind) - nominal);
  }

  /** Of the kind of which it has the largest part of the fleet, by its weight. */
  share(owner: string): number {
    const weight = this.#holdings.quotas.get(owner)?.weight ?? 1;
    let largest = 0;
    for (const kind of deviceKinds) {
      const part = this.used(owner, kind) / Math.max(1, this.#holdings.capacity[kind]);
      if (part > largest) largest = part;
    }
    return largest / weight;
  }

  limit(owner: string, kind: DeviceKind): number {
    return limitOf(this.#holdings.quotas.get(owner), kind);
  }
}
