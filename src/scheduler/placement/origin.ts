/**
 * Names for a fleet that changes with every decision: a fleet, and what decisions have taken of it
 * since, so that few fleets need a name of their own; and of each fleet what is new since another.
 */
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { Taken } from "../../model/decision.js";
import type { DeviceLoad, HostView } from "../../model/host.js";
import { placeIn } from "./cells.js";
import { compare, fleetDigest, rowBytes, rowDigest } from "./fleet.js";

/** The fleet that decisions are made from, and what they have taken of it since. */
export interface Origin {
  readonly digest: Digest;
  readonly taken: readonly Taken[];
  /** The hosts that were others in the fleet named `before`; all of them where there is none. */
  readonly changed: readonly HostView[];
  readonly before: Digest | undefined;
}

/** With so many rows in a record the fleet gets a name of its own for the next one. */
const takenMax = 16;
/** After so many papers of what is new one says all, so that few have to be read together. A fleet that
 *  comes again has the paper that it had, which may stand on others. */
const keptInRowMax = 64;

export interface Hosts {
  /** Ascending. Names come, and none goes. */
  names(): readonly string[];
  view(name: string): HostView | undefined;
  factsDigest(name: string): Digest;
}

export class Origins {
  readonly #hosts: Hosts;
  #origin: (Origin & { readonly taken: Taken[] }) | undefined;
  /** Since the origin, but for what was taken. */
  #changed = new Set<string>();
  #kept: Digest | undefined;
  #keptInRow = 0;
  #changedSinceKept = new Set<string>();
  /** Digests of the rows, one after the other in order of names. */
  #rows = new Uint8Array();
  #rowsOwed = new Set<string>();

  constructor(hosts: Hosts) {
    this.#hosts = hosts;
  }

  change(host: string): void {
    this.#changed.add(host);
    this.#rowsOwed.add(host);
  }

  take(host: string, { device, slots, memoryBytes }: DeviceLoad): void {
    this.#rowsOwed.add(host);
    this.#origin?.taken.push({ host, device, slots, memoryBytes });
  }

  current(): Origin {
    const { taken } = this.#origin ?? { taken: [] };
    if (this.#origin !== undefined && taken.length < takenMax && this.#changed.size === 0) {
      return this.#origin;
    }
    for (const name of this.#changed) this.#changedSinceKept.add(name);
    for (const { host } of taken) this.#changedSinceKept.add(host);
    this.#changed = new Set();
    const before = this.#keptInRow < keptInRowMax ? this.#kept : undefined;
    const changed = before === undefined ? this.#hosts.names() : [...this.#changedSinceKept];
    this.#origin = {
      digest: fleetDigest(this.#rowDigests()),
      taken: [],
      changed: [...changed].sort(compare).map((name) => this.#view(name)),
      before,
    };
    return this.#origin;
  }

  kept({ digest, before }: Origin): void {
    if (this.#origin?.digest !== digest || this.#kept === digest) return;
    this.#kept = digest;
    this.#keptInRow = before === undefined ? 0 : this.#keptInRow + 1;
    this.#changedSinceKept = new Set();
  }

  #rowDigests(): Uint8Array {
    const names = this.#hosts.names();
    if (this.#rows.length !== rowBytes * names.length) {
      this.#rows = new Uint8Array(rowBytes * names.length);
      for (const name of names) this.#rowsOwed.add(name);
    }
    for (const name of this.#rowsOwed) {
      const row = rowDigest(this.#view(name), this.#hosts.factsDigest(name));
      this.#rows.set(row, rowBytes * placeIn(names, name));
    }
    this.#rowsOwed.clear();
    return this.#rows;
  }

  #view(name: string): HostView {
    const view = this.#hosts.view(name);
    if (view === undefined) throw new QuipuError("INTERNAL", `the fleet has lost host ${name}`);
    return view;
  }
}
