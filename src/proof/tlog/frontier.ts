/**
 * The right edge of a growing tree (a compact range): the roots of its complete subtrees, largest
 * first, one for each bit of its size. Enough to append and to give the root; one hash an append,
 * amortised.
 */
import { joinPeaks, leafHash, nodeHash } from "./hash.js";

export class Frontier {
  #size: number;
  readonly #peaks: Uint8Array[];

  constructor(size = 0, peaks: readonly Uint8Array[] = []) {
    this.#size = size;
    this.#peaks = [...peaks];
  }

  get size(): number {
    return this.#size;
  }

  get peaks(): readonly Uint8Array[] {
    return this.#peaks;
  }

  /** `completed` is told every inner node that this leaf completes, from the lowest up. */
  append(leaf: Uint8Array, completed?: (level: number, node: Uint8Array) => void): void {
    let node = leaf;
    let level = 0;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = nodeHash(this.#peaks.pop() as Uint8Array, node);
      level += 1;
      completed?.(level, node);
    }
    this.#peaks.push(node);
    this.#size += 1;
  }

  root(): Uint8Array {
    return joinPeaks(this.#peaks);
  }
}

/** Root over entries, as an auditor who holds all of them computes it. */
export function rootOfEntries(entries: Iterable<Uint8Array>): Uint8Array {
  const frontier = new Frontier();
  for (const entry of entries) frontier.append(leafHash(entry));
  return frontier.root();
}
