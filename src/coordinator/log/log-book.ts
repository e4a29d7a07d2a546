/**
 * Gives each entry to the log once. The log itself takes whatever it is given; which entries it
 * holds is remembered by leaf hash in the database: a cache, which may lack any entry whose append
 * was not followed by our own commit. After a start, and after each failure, what it lacks is read
 * from the log before anything is appended.
 */
import { type Digest, toHex } from "../../base/bytes.js";
import type { CoordinatorStore } from "../../io/store/coordinator-store.js";
import { leafHash } from "../../proof/tlog/hash.js";
import type { ReceiptLog } from "../ports.js";

const leavesPerReadMax = 256;
/** So many entries may be looked at again after a start. */
const leavesPerMark = 4096;

export class LogBook {
  readonly #log: ReceiptLog;
  readonly #store: CoordinatorStore;
  /** One append an entry, so that two updates of one run cannot both append. */
  readonly #appending = new Map<Digest, Promise<number>>();
  #catchingUp: Promise<void> | undefined;
  /** Counts failures. The cache is complete when none has happened since it was last caught up. */
  #failures = 1;
  #caughtUpAt = 0;
  /** Entries below are committed in the cache; of those above, these are, since appends end in any order. */
  #completeTo = 0;
  readonly #ahead = new Set<number>();
  #marked = 0;

  constructor(log: ReceiptLog, store: CoordinatorStore) {
    this.#log = log;
    this.#store = store;
  }

  /** The entry's index, whether it is new (which a caller may know) or was in the log already. */
  append(entry: Uint8Array, isNew = false): Promise<number> {
    const leaf: Digest = `sha256:${toHex(leafHash(entry))}`;
    const running = this.#appending.get(leaf);
    if (running !== undefined) return running;
    const appended = this.#append(leaf, entry, isNew).finally(() => this.#appending.delete(leaf));
    this.#appending.set(leaf, appended);
    return appended;
  }

  async #append(leaf: Digest, entry: Uint8Array, isNew: boolean): Promise<number> {
    while (this.#caughtUpAt !== this.#failures) await this.#catchUp();
    const known = isNew ? undefined : await this.#store.logIndex.get(leaf);
    if (known !== undefined) return known;
    try {
      // 1. The log commits. A crash or an error after it leaves an entry that the cache lacks.
      const { index } = await this.#log.append(entry);
      // 2. The cache learns it.
      const mark = this.#dueMark(leavesPerMark);
      await this.#store.transact(async ({ logIndex }) => {
        await logIndex.put(leaf, index);
        if (mark !== undefined) await logIndex.mark(mark);
      });
      this.#keep(index);
      return index;
    } catch (thrown) {
      this.#failures += 1;
      throw thrown;
    }
  }

  #catchUp(): Promise<void> {
    this.#catchingUp ??= this.#readMissing().finally(() => {
      this.#catchingUp = undefined;
    });
    return this.#catchingUp;
  }

  /** From the first gap on: entries after it may be known, since appends end in any order. */
  async #readMissing(): Promise<void> {
    const failures = this.#failures;
    const { size } = this.#log.head();
    for (let first = await this.#store.logIndex.firstGap(); first < size; ) {
      const end = Math.min(size, first + leavesPerReadMax);
      const leaves = await this.#log.leafHashes(first, end);
      const start = first;
      await this.#store.transact(async ({ logIndex }) => {
        for (const [offset, leaf] of leaves.entries()) {
          await logIndex.put(`sha256:${toHex(leaf)}`, start + offset);
        }
      });
      first = end;
    }
    this.#completeTo = Math.max(this.#completeTo, size);
    for (const index of this.#ahead) if (index < this.#completeTo) this.#ahead.delete(index);
    this.#advance();
    const mark = this.#dueMark(1);
    if (mark !== undefined) await this.#store.transact(({ logIndex }) => logIndex.mark(mark));
    this.#caughtUpAt = failures;
  }

  #keep(index: number): void {
    if (index >= this.#completeTo) this.#ahead.add(index);
    this.#advance();
  }

  #advance(): void {
    while (this.#ahead.delete(this.#completeTo)) this.#completeTo += 1;
  }

  /**
   * To be written with what comes next. It speaks of what is committed already, so it is true whatever
   * becomes of that; one that is lost is made up for by the next.
   */
  #dueMark(stepMin: number): number | undefined {
    if (this.#completeTo - this.#marked < stepMin) return undefined;
    this.#marked = this.#completeTo;
    return this.#marked;
  }
}
