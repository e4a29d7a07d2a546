/**
 * Hosts that differ in nothing but their names stand in one cell, so that a decision looks at cells
 * and not at hosts.
 */
import { type Digest, digestOf } from "../../base/bytes.js";
import { canonicalJson } from "../../base/canonical-json.js";
import type { HostView } from "../../model/host.js";
import { factsText } from "./fleet.js";

/** Hosts alike in place, devices, data, whether they take runs, and how many devices of each kind are free. */
export interface Cell {
  /** Its place in the list of cells, for as long as no host's facts change. */
  readonly index: number;
  readonly kind: Kind;
  /** Ascending; may be empty for a time. */
  readonly names: string[];
}

/** Hosts alike in what does not change while their agents are attached. */
export interface Kind {
  /** Of all that it is. */
  readonly digest: Digest;
  /** What the law can see of its hosts, as text. */
  readonly placeKey: string;
  readonly cells: Map<string, Cell>;
  /** Of each device which sort it is: equal ones have the same number. */
  readonly sorts: ReadonlyMap<string, number>;
}

export class Cells {
  #kinds = new Map<string, Kind>();
  #list: Cell[] = [];

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
      kind = { digest, placeKey, cells: new Map(), sorts: sortsOf(view) };
      this.#kinds.set(facts, kind);
    }
    return kind;
  }

  add(kind: Kind, view: HostView): Cell {
    const free = freeOf(kind, view);
    let cell = kind.cells.get(free);
    if (cell === undefined) {
      cell = { index: this.#list.length, kind, names: [] };
      kind.cells.set(free, cell);
      this.#list.push(cell);
    }
    cell.names.splice(placeIn(cell.names, view.name), 0, view.name);
    return cell;
  }

  remove({ names }: Cell, name: string): void {
    names.splice(placeIn(names, name), 1);
  }

  /** Forgets kinds that no host is of. Cells have other places in the list after it. */
  prune(): void {
    this.#list = [];
    for (const [facts, { cells }] of this.#kinds) {
      for (const [free, cell] of cells) {
        if (cell.names.length === 0) cells.delete(free);
        else this.#list.push(Object.assign(cell, { index: this.#list.length }));
      }
      if (cells.size === 0) this.#kinds.delete(facts);
    }
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

function sortsOf({ devices }: HostView): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  const sorts = new Map<string, number>();
  for (const { id, ...rest } of devices) {
    const sort = canonicalJson([id === "cpu", rest]);
    const number = numbers.get(sort) ?? numbers.size;
    numbers.set(sort, number);
    sorts.set(id, number);
  }
  return sorts;
}

/** Which of several equal devices are free makes no difference, only how many. */
function freeOf({ sorts }: Kind, { attached, cordoned, busyDevices }: HostView): string {
  const counts: number[] = [];
  for (const number of sorts.values()) counts[number] = (counts[number] ?? 0) + 1;
  for (const id of busyDevices) {
    const number = sorts.get(id);
    if (number !== undefined) counts[number] = (counts[number] as number) - 1;
  }
  return `${attached ? "+" : "-"}${cordoned ? "-" : "+"}${counts.join()}`;
}
