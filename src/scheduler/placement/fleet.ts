/**
 * Every registered host at one moment as bytes, and the digest that a decision names it by.
 *
 * Frozen: the bytes of a row and how rows make the digest, since a decision is checked by deciding
 * it again.
 */
import { concatBytes, type Digest, digestOf, sha256 } from "../../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { Paper } from "../../model/decision.js";
import type { HostView } from "../../model/host.js";
import type { Origin } from "./origin.js";

export const fleetVersion = "quipu.dev/fleet/v4";

/** By UTF-16 code units: the same on every host, unlike a locale's order. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The view with everything in it in the one order that its row has. */
export function ordered(view: HostView): HostView {
  const { name, place, cores, memoryBytes, attached, cordoned } = view;
  const own = cores === undefined && memoryBytes === undefined ? undefined : ownOf(view);
  return {
    name,
    place,
    ...own,
    devices: inOrder(view.devices, (a, b) => a.id.length - b.id.length || compare(a.id, b.id)),
    dataSets: inOrder(view.dataSets, compare),
    attached,
    cordoned,
    load: inOrder(view.load, (a, b) => compare(a.device, b.device)),
  };
}

function ownOf({ cores, memoryBytes }: HostView): Pick<HostView, "cores" | "memoryBytes"> {
  return {
    ...(cores === undefined ? {} : { cores }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
}

/** The very list where it is in order. */
function inOrder<T>(list: readonly T[], order: (a: T, b: T) => number): readonly T[] {
  const isSorted = list.every((item, i) => i === 0 || order(list[i - 1] as T, item) <= 0);
  return isSorted ? list : [...list].sort(order);
}

export const rowBytes = 32;

/** Of what does not change while a host's agent is attached; many hosts have the same. */
export function factsText({ place, devices, dataSets, cores, memoryBytes }: HostView): string {
  return canonicalJson([place, devices, dataSets, cores ?? null, memoryBytes ?? null]);
}

/** Of an ordered view, whose facts have this digest. */
export function rowDigest(view: HostView, factsDigest: Digest): Uint8Array {
  const { name, attached, cordoned, load } = view;
  const held = load.map(({ device, slots, memoryBytes }) => `${device} ${slots} ${memoryBytes}`);
  const row = [name, factsDigest, `${attached}`, `${cordoned}`, ...held].join("\n");
  return sha256(new TextEncoder().encode(row));
}

/** Digest of a fleet from those of its rows, one after the other in order of their hosts' names. */
export function fleetDigest(rows: Uint8Array): Digest {
  return digestOf(concatBytes(new TextEncoder().encode(`${fleetVersion}\n`), rows));
}

interface FleetPaper {
  readonly version: typeof fleetVersion;
  /** The fleet whose rows hold where this paper has none; absent where it has all. */
  readonly before?: Digest;
  readonly hosts: readonly HostView[];
}

export function fleetPaper({ digest, before, changed }: Origin): Paper {
  const paper: FleetPaper = {
    version: fleetVersion,
    ...(before === undefined ? {} : { before }),
    hosts: changed,
  };
  return { digest, content: canonicalBytes(paper) };
}

/** The hosts of a fleet, from its paper and those that it stands on. Throws when they make another. */
export async function readFleet(
  named: Digest,
  read: (digest: Digest) => Promise<Uint8Array | undefined>,
): Promise<readonly HostView[]> {
  const hosts = new Map<string, HostView>();
  for (let next: Digest | undefined = named; next !== undefined; ) {
    const content: Uint8Array | undefined = await read(next);
    if (content === undefined) throw missing(next);
    const paper = JSON.parse(new TextDecoder().decode(content)) as FleetPaper;
    for (const host of paper.hosts) if (!hosts.has(host.name)) hosts.set(host.name, host);
    next = paper.before;
  }
  const sorted = [...hosts.values()].sort((a, b) => compare(a.name, b.name));
  const rows = sorted.map((view) =>
    rowDigest(view, digestOf(new TextEncoder().encode(factsText(view)))),
  );
  if (fleetDigest(concatBytes(...rows)) === named) return sorted;
  throw new QuipuError("CONFLICT", `the papers of fleet ${named} make another fleet`);
}

function missing(digest: Digest): QuipuError {
  return new QuipuError("NOT_FOUND", `no paper of fleet ${digest} is kept`);
}
