/** The fleet as placement looks at it: what each host is now, whom it is alike, and its name. */
import { type Digest, digestOf } from "../../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { freeSlots, type HostView, type RunLoad, rowsOf, withRun } from "../../model/host.js";
import { type Cell, Cells } from "./cells.js";
import { compare, ordered } from "./fleet.js";
import { type Origin, Origins } from "./origin.js";

/** Hosts in places alike. */
export interface PlaceGroup {
  /** Ascending. */
  readonly names: readonly string[];
  /** Of their names as canonical JSON. */
  readonly membersDigest: Digest;
}

interface Entry {
  view: HostView;
  cell: Cell;
  /** As it was put: what comes again as the same objects is the same. */
  readonly given: HostView;
}

export class Board {
  /** Counts up whenever a host comes or its facts change. */
  factsVersion = 0;
  readonly #entries = new Map<string, Entry>();
  readonly #cells = new Cells();
  readonly #origins = new Origins(this);
  #names: readonly string[] | undefined;
  #places: readonly PlaceGroup[] | undefined;

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

  /** Every host stands in one; some may be empty. */
  get cells(): readonly Cell[] {
    return this.#cells.list;
  }

  view(host: string): HostView | undefined {
    return this.#entries.get(host)?.view;
  }

  placeKey(host: string): string {
    return this.#entry(host).cell.kind.placeKey;
  }

  factsDigest(host: string): Digest {
    return this.#entry(host).cell.kind.digest;
  }

  /** Those of some hosts that are on the board, by the cells that they stand in. */
  byCell(hosts: Iterable<string>): ReadonlyMap<Cell, readonly string[]> {
    const cells = new Map<Cell, string[]>();
    for (const host of hosts) {
      const cell = this.#entries.get(host)?.cell;
      if (cell === undefined) continue;
      const others = cells.get(cell);
      if (others === undefined) cells.set(cell, [host]);
      else others.push(host);
    }
    return cells;
  }

  /** All names, ascending. */
  names(): readonly string[] {
    this.#names ??= [...this.#entries.keys()].sort(compare);
    return this.#names;
  }

  /** In an order that depends on the places alone. */
  places(): readonly PlaceGroup[] {
    if (this.#places !== undefined) return this.#places;
    const groups = new Map<string, string[]>();
    for (const name of this.names()) {
      const key = this.placeKey(name);
      const names = groups.get(key);
      if (names === undefined) groups.set(key, [name]);
      else names.push(name);
    }
    this.#places = [...groups]
      .sort(([a], [b]) => compare(a, b))
      .map(([, names]) => ({ names, membersDigest: digestOf(canonicalBytes(names)) }));
    return this.#places;
  }

  /** A host as it is now, in place of what was known of it. */
  put(given: HostView): void {
    const known = this.#entries.get(given.name);
    const hasFacts = known !== undefined && areSameFacts(given, known);
    const view = hasFacts ? ordered({ ...given, ...factsOf(known.view) }) : ordered(given);
    if (known !== undefined && isSame(view, known.view, hasFacts)) return;
    const kind = hasFacts ? known.cell.kind : this.#cells.kind(view);
    this.#entries.set(view.name, { view, cell: this.#cells.add(kind, view), given });
    if (known !== undefined) this.#cells.remove(known.cell, view.name);
    this.#origins.change(view.name);
    if (known?.cell.kind === kind) return;
    if (known === undefined) this.#names = undefined;
    this.#places = undefined;
    this.factsVersion += 1;
  }

  /** A decision gives a device away, or a share of it. */
  take(host: string, demand: RunLoad): void {
    const entry = this.#entry(host);
    const before = entry.cell;
    entry.view = ordered({ ...entry.view, load: withRun(entry.view.load, demand) });
    entry.cell = this.#cells.add(before.kind, entry.view);
    this.#cells.remove(before, host);
    if (demand.more === undefined) this.#origins.take(host, demand);
    else for (const row of rowsOf(demand)) this.#origins.take(host, row);
  }

  #entry(host: string): Entry {
    const entry = this.#entries.get(host);
    if (entry === undefined) throw new QuipuError("INTERNAL", `no host ${host} is on the board`);
    return entry;
  }

  /** Whether any device is free on a host that takes runs. */
  hasRoom(): boolean {
    return this.cells.some(({ names: [name] }) => {
      if (name === undefined) return false;
      const view = this.view(name) as HostView;
      if (!view.attached || view.cordoned) return false;
      return view.devices.some(
        (device) => device.health === undefined && freeSlots(view, device) > 0,
      );
    });
  }

  /** Names the fleet as it is now: by what it was a moment ago and what was taken since, if that is all. */
  origin(): Origin {
    return this.#origins.current();
  }

  /** The fleet of this name can be read from now on: later ones need only say what is new in them. */
  kept(origin: Origin): void {
    this.#origins.kept(origin);
  }
}

function factsOf({ place, devices, dataSets }: HostView) {
  return { place, devices, dataSets };
}

function areSameFacts(is: HostView, { given, view }: Entry): boolean {
  if (is.cores !== view.cores || is.memoryBytes !== view.memoryBytes) return false;
  const { place, devices, dataSets } = is;
  return [given, view].some(
    (known) => known.place === place && known.devices === devices && known.dataSets === dataSets,
  );
}

function isSame(view: HostView, known: HostView, hasFacts: boolean): boolean {
  if (!hasFacts) return canonicalJson(view) === canonicalJson(known);
  if (view.attached !== known.attached || view.cordoned !== known.cordoned) return false;
  return canonicalJson(view.load) === canonicalJson(known.load);
}
