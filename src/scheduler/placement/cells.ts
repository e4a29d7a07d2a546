/**
 * Hosts that differ in nothing but their names stand in one cell, so that a decision looks at cells
 * and not at hosts.
 */
import { type Digest, digestOf } from "../../base/bytes.js";
import { canonicalJson } from "../../base/canonical-json.js";
import type { HostView } from "../../model/host.js";
import { factsText } from "./fleet.js";

/** Hosts alike in place, devices, data, whether they take runs, and what is free on devices of each sort. */
export interface Cell {
  /** Its place in the list of cells; another's when that one goes. */
  index: number;
  readonly kind: Kind;
  /** What is free, as text. */
  readonly free: string;
  /** Ascending; may be empty for a time. */
  readonly names: string[];
}

/** Hosts alike in what does not change while their agents are attached. */
export interface Kind {
  /** All that it is, as text. */
  readonly facts: string;
  /** Of the facts. */
  readonly digest: Digest;
  /** What the law can see of its hosts, as text. */
  readonly placeKey: string;
  readonly cells: Map<string, Cell>;
  /** Of each device which sort it is (equal ones have the same number), and its slots. */
  readonly sorts: ReadonlyMap<string, Sort>;
}

export class Cells {
  readonly #kinds = new Map<string, Kind>();
  readonly #list: Cell[] = [];
  #hosts = 0;
  #empty = 0;

  /** Some may be empty. */
  get list(): readonly Cell[] {
    return this.#list;
  }

  kind(view: HostView): Kind {
    const facts = factsText(view);
    let kind = this.#kinds.get(facts);
    if (kind === undefined) {
      const placeKey = canonicalJson(view.place);
      const digest = digestOf(new TextEncoder().encode(facts));
      kind = { facts, digest, placeKey, cells: new Map(), sorts: sortsOf(view) };
      this.#kinds.set(facts, kind);
    }
    return kind;
  }

  add(kind: Kind, view: HostView): Cell {
    const free = freeOf(kind, view);
    let cell = kind.cells.get(free);
    if (cell === undefined) {
      cell = { index: this.#list.length, kind, free, names: [] };
      kind.cells.set(free, cell);
      this.#list.push(cell);
    } else if (cell.names.length === 0) {
      this.#empty -= 1;
    }
    this.#hosts += 1;
    cell.names.splice(placeIn(cell.names, view.name), 0, view.name);
    return cell;
  }

  /**
   * To be called after the host was added elsewhere. An empty cell stays, for a host may come back to
   * it and what is known of it then holds still; but never more of them than there are hosts.
   */
  remove({ names }: Cell, name: string): void {
    names.splice(placeIn(names, name), 1);
    this.#hosts -= 1;
    if (names.length === 0) this.#empty += 1;
    if (this.#empty > this.#hosts) this.#sweep();
  }

  #sweep(): void {
    const empty = this.#list.filter(({ names }) => names.length === 0);
    for (const { kind, free, index } of empty) {
      kind.cells.delete(free);
      if (kind.cells.size === 0) this.#kinds.delete(kind.facts);
      const last = this.#list.pop() as Cell;
      if (index === this.#list.length) continue;
      last.index = index;
      this.#list[index] = last;
    }
    this.#empty = 0;
  }
}

/** Where a name is among others in order, or would be. */
export function placeIn(names: readonly string[], name: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Names in order without some of them. */
export function without(names: readonly string[], some: readonly string[] = []): readonly string[] {
  if (some.length === 0) return names;
  const rest = [...names];
  for (const name of some) rest.splice(placeIn(rest, name), 1);
  return rest;
}

interface Sort {
  readonly number: number;
  readonly slots: number;
}

function sortsOf({ devices }: HostView): ReadonlyMap<string, Sort> {
  const numbers = new Map<string, number>();
  const sorts = new Map<string, Sort>();
  for (const { id, ...rest } of devices) {
    const sort = canonicalJson([id === "cpu", rest]);
    const number = numbers.get(sort) ?? numbers.size;
    numbers.set(sort, number);
    sorts.set(id, { number, slots: rest.slots });
  }
  return sorts;
}

/**
 * Which of several equal devices hold how much makes no difference; nor what one without a free slot
 * holds. The host's own row is of no sort: what is held of its memory counts, whatever its cores do.
 */
function freeOf({ sorts }: Kind, { attached, cordoned, load }: HostView): string {
  const rows = load.map(({ device, slots, memoryBytes }) => {
    const sort = sorts.get(device);
    const held = slots === sort?.slots ? "" : memoryBytes;
    return `${sort?.number}:${slots}:${held}`;
  });
  return `${attached ? "+" : "-"}${cordoned ? "-" : "+"}${rows.sort().join()}`;
}
