/** Counts a log's leaves: those that were opened, those that a later entry says were erased, all others. */
import { receiptKeyId } from "../receipt/envelope.js";
import { KeyActs } from "./key-acts.js";
import type { AlteredLeaf, OpenedLeaf } from "./open-leaves.js";

export interface Counts {
  /** Of the log up to the checkpoint. */
  readonly entries: number;
  readonly opened: number;
  /** Nobody holds their statement, since it was erased, as a later entry says. */
  readonly erased: number;
  /** All others: no statement is held for them, or only one that is not theirs. */
  readonly unknown: number;
}

export class Tally {
  readonly altered: AlteredLeaf[] = [];
  readonly keys = new KeyActs();
  readonly #entries: number;
  /** A byte a leaf. */
  readonly #isKnown: Uint8Array;
  #opened = 0;
  #erased = 0;

  constructor(entries: number) {
    this.#entries = entries;
    this.#isKnown = new Uint8Array(entries);
  }

  /** In the log's order. False for what counts for nothing, such as what a revoked key signed. */
  take(leaf: OpenedLeaf | AlteredLeaf): leaf is OpenedLeaf {
    if ("fault" in leaf) return this.#leaveOut(leaf);
    const fault = this.#lateFor(leaf);
    if (fault !== undefined) return this.#leaveOut({ index: leaf.index, fault });
    this.keys.take(leaf);
    this.#isKnown[leaf.index] = 1;
    this.#opened += 1;
    const gone = erasedEntry(leaf);
    // Whoever was given the receipt may hold it still; then it has been opened.
    if (gone !== undefined && this.#isKnown[gone] === 0) {
      this.#isKnown[gone] = 1;
      this.#erased += 1;
    }
    return true;
  }

  #leaveOut({ index, fault }: AlteredLeaf): false {
    this.altered.push({ index, fault });
    return false;
  }

  #lateFor({ publicKey, stated }: OpenedLeaf): string | undefined {
    if ("notice" in stated) return undefined;
    const revokedAt = this.keys.revokedAt(receiptKeyId(publicKey));
    return revokedAt === undefined ? undefined : `its key was revoked at entry ${revokedAt}`;
  }

  get counts(): Counts {
    const [entries, opened, erased] = [this.#entries, this.#opened, this.#erased];
    return { entries, opened, erased, unknown: entries - opened - erased };
  }
}

/** An act tells of what came before it only. */
function erasedEntry({ index, stated }: OpenedLeaf): number | undefined {
  if (!("notice" in stated)) return undefined;
  const { predicate } = stated.notice;
  if (!("kind" in predicate) || predicate.kind !== "receipt.erase") return undefined;
  const { entry = "" } = predicate.details;
  return /^(0|[1-9][0-9]{0,14})$/.test(entry) && Number(entry) < index ? Number(entry) : undefined;
}

/** `118 of 120 entries; 1 entry unknown, 1 erased` */
export function countsText({ entries, opened, erased, unknown }: Counts): string {
  const rest = [
    ...(unknown === 0 ? [] : [`${countText(unknown, "entry", "entries")} unknown`]),
    ...(erased === 0 ? [] : [`${erased} erased`]),
  ];
  const among = `${opened} of ${entries} entries`;
  return rest.length === 0 ? among : `${among}; ${rest.join(", ")}`;
}

export function countText(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
