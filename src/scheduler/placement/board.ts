/**
 * The fleet as placement looks at it: hosts that differ in nothing but their names stand in one
 * cell, so that a decision looks at cells and not at hosts.
 */
import type { Digest } from "../../base/bytes.js";
import { canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { Taken } from "../../model/decision.js";
import type { HostView } from "../../model/host.js";
import { compare, fleetDigest, ordered, rowDigest } from "./fleet.js";

/** Hosts alike in place, devices, data, attachment and how many devices of each kind are free. */
export interface Cell {
  /** What the law can see of its hosts, as text. */
  readonly placeKey: string;
  /** Ascending; may be empty for a time. */
  readonly names: string[];
}

/** The fleet that decisions are made from, and what they have taken of it since. */
export interface Origin {
  readonly digest: Digest;
  readonly taken: readonly Taken[];
  /** The hosts that were others in the fleet named `before`; all of them where there is none. */
  readonly changed: readonly HostView[];
  readonly before: Digest | undefined;
}

interface Entry {
  view: HostView;
  /** What never changes while its agent is attached, as text. */
  facts: string;
  cell: Cell;
  row: Uint8Array | undefined;
}

/** One record names no more devices than these; then the fleet gets a name of its own. */
const takenMax = 64;
/** After so many papers of what is new one says all: so few have to be read together. */
const keptInRowMax = 64;

export class Board {
  /** Counts up whenever a host comes or its facts change. */
  factsVersion = 0;
  readonly #entries = new Map<string, Entry>();
  readonly #cells = new Map<string, Cell>();
  #names: readonly string[] | undefined;
  #origin: (Origin & { readonly taken: Taken[] }) | undefined;
  /** Since the origin, but for what was taken. */
  #changed = new Set<string>();
  #kept: Digest | undefined;
  #keptInRow = 0;
  #changedSinceKept = new Set<string>();

  constructor(views: readonly HostView[] = []) {
    for (const view of views) {
      if (this.#entries.has(view.name)) {
        throw new QuipuError("CONFLICT", `two hosts of the snapshot are named ${view.name}`);
      }
      this.put(view);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  /** With hosts in it now. */
  cells(): readonly Cell[] {
    return [...this.#cells.values()].filter(({ names }) => names.length > 0);
  }

  cellOf(host: string): Cell | undefined {
    return this.#entries.get(host)?.cell;
  }

  view(host: string): HostView | undefined {
    return this.#entries.get(host)?.view;
  }

  /** All names, ascending. */
  names(): readonly string[] {
    this.#names ??= [...this.#entries.keys()].sort(compare);
    return this.#names;
  }

  /** A host as it is now, in place of what was known of it. */
  put(given: HostView): void {
    const view = ordered(given);
    const known = this.#entries.get(view.name);
    if (known !== undefined && canonicalJson(known.view) === canonicalJson(view)) return;
    this.#changed.add(view.name);
    const facts = factsOf(view);
    if (known === undefined) this.#names = undefined;
    if (known !== undefined) removeFrom(known.cell.names, view.name);
    if (known?.facts !== facts) this.#factsChange();
    const cell = this.#cell(view, facts);
    insertInto(cell.names, view.name);
    this.#entries.set(view.name, { view, facts, cell, row: undefined });
  }

  /** A decision gives a device away. */
  take(host: string, device: string): void {
    const entry = this.#entries.get(host);
    if (entry === undefined)
      throw new QuipuError("INTERNAL", `placement chose unknown host ${host}`);
    const { view } = entry;
    this.#move(entry, { ...view, busyDevices: [...view.busyDevices, device].sort(compare) });
    this.#origin?.taken.push({ host, device });
  }

  /** Whether any device is free on a host that is there. */
  hasRoom(): boolean {
    return this.cells().some(({ names }) => {
      const { attached, devices, busyDevices } = this.view(names[0] as string) as HostView;
      return attached && busyDevices.length < devices.length;
    });
  }

  /** Names the fleet as it is now: by what it was a moment ago and what was taken since, if that is all. */
  origin(): Origin {
    const { taken } = this.#origin ?? { taken: [] };
    if (this.#origin !== undefined && taken.length < takenMax && this.#changed.size === 0) {
      return this.#origin;
    }
    for (const name of this.#changed) this.#changedSinceKept.add(name);
    for (const { host } of taken) this.#changedSinceKept.add(host);
    this.#changed = new Set();
    const before = this.#keptInRow < keptInRowMax ? this.#kept : undefined;
    const changed = before === undefined ? this.names() : [...this.#changedSinceKept].sort(compare);
    const entryOf = (name: string) => this.#entries.get(name) as Entry;
    this.#origin = {
      digest: fleetDigest(this.names().map((name) => rowOf(entryOf(name)))),
      taken: [],
      changed: changed.map((name) => entryOf(name).view),
      before,
    };
    return this.#origin;
  }

  /** The fleet of this name can be read from now on: later ones need only say what is new in them. */
  kept({ digest, before }: Origin): void {
    if (this.#origin?.digest !== digest || this.#kept === digest) return;
    this.#kept = digest;
    this.#keptInRow = before === undefined ? 0 : this.#keptInRow + 1;
    this.#changedSinceKept = new Set();
  }

  /** Only then may a cell have become one that no host will ever stand in again. */
  #factsChange(): void {
    this.factsVersion += 1;
    for (const [key, { names }] of this.#cells) if (names.length === 0) this.#cells.delete(key);
  }

  #move(entry: Entry, view: HostView): void {
    removeFrom(entry.cell.names, view.name);
    entry.view = view;
    entry.row = undefined;
    entry.cell = this.#cell(view, entry.facts);
    insertInto(entry.cell.names, view.name);
  }

  #cell(view: HostView, facts: string): Cell {
    const key = `${facts}${view.attached ? "+" : "-"}${freeKinds(view)}`;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const cell = { placeKey: canonicalJson(view.place), names: [] };
    this.#cells.set(key, cell);
    return cell;
  }
}

function rowOf(entry: Entry): Uint8Array {
  entry.row ??= rowDigest(entry.view);
  return entry.row;
}

function factsOf({ place, devices, dataSets }: HostView): string {
  return canonicalJson([place, devices, dataSets]);
}

/** How many devices of each kind are free: which of several equal ones it is makes no difference. */
function freeKinds({ devices, busyDevices }: HostView): string {
  const counts = new Map<string, number>();
  for (const { id, model, memoryBytes, backends } of devices) {
    const kind = `${id === "cpu" ? "cpu" : "cuda"} ${model} ${memoryBytes} ${backends.join()}`;
    counts.set(kind, (counts.get(kind) ?? 0) + (busyDevices.includes(id) ? 0 : 1));
  }
  return [...counts.values()].join();
}

function placeOf(names: readonly string[], name: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insertInto(names: string[], name: string): void {
  names.splice(placeOf(names, name), 0, name);
}

function removeFrom(names: string[], name: string): void {
  names.splice(placeOf(names, name), 1);
}
