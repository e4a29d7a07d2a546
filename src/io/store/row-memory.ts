/**
 * Rows as they were last committed, for a process that alone writes them. Nothing is remembered while
 * others may write too: each opener of a shared database says when its turn begins.
 */
export class RowMemory<Row> {
  readonly #sizeOf: (row: Row) => number;
  /** The longest unused first. */
  readonly #rows = new Map<string, Row>();
  #bytes = 0;
  #isOpen = false;

  constructor(sizeOf: (row: Row) => number) {
    this.#sizeOf = sizeOf;
  }

  /** From now on nobody else writes; or from now on somebody may. */
  open(isOpen: boolean): void {
    this.#rows.clear();
    this.#bytes = 0;
    this.#isOpen = isOpen;
  }

  get(key: string): Row | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    this.#rows.delete(key);
    this.#rows.set(key, row);
    return row;
  }

  /** As a commit left it. */
  set(key: string, row: Row): void {
    if (!this.#isOpen) return;
    this.#forget(key);
    this.#rows.set(key, row);
    this.#bytes += this.#sizeOf(row);
    for (const oldest of this.#rows.keys()) {
      if (this.#bytes <= bytesMax) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    this.#bytes -= this.#sizeOf(row);
  }
}

const bytesMax = 32 * 1024 * 1024;
