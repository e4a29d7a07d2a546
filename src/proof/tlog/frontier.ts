/**
 * The right edge of a growing tree (a compact range): the roots of its complete subtrees, largest
 * first, one for each bit of its size. Gives the root over leaves that are read one by one; one hash a
 * leaf, amortised.
 */
import { joinPeaks, nodeHash } from "./hash.js";

export class Frontier {
  #size = 0;
  readonly #peaks: Uint8Array[] = [];

  append(leaf: Uint8Array): void {
    let node = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = nodeHash(this.#peaks.pop() as Uint8Array, node);
    }
    this.#peaks.push(node);
    this.#size += 1;
  }

  root(): Uint8Array {
    return joinPeaks(this.#peaks);
  }
}
