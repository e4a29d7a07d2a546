/**
 * Gives each entry to the log once. The log itself takes whatever it is given; which entries it holds
 * is remembered by leaf hash in the database, as a cache that is caught up from the log whenever the
 * log has grown without it: after a crash between the log's commit and ours.
 */
import { type Digest, toHex } from "../base/bytes.js";
import type { CoordinatorStore } from "../io/store/coordinator-store.js";
import { leafHash } from "../proof/tlog/hash.js";
import type { ReceiptLog } from "./ports.js";

const leavesPerReadMax = 256;

export class LogBook {
  readonly #log: ReceiptLog;
  readonly #store: CoordinatorStore;
  /** One entry after another catches up, so that two updates of one run cannot both append. */
  #catchingUp: Promise<void> | undefined;
  readonly #appending = new Map<Digest, Promise<number>>();

  constructor(log: ReceiptLog, store: CoordinatorStore) {
    this.#log = log;
    this.#store = store;
  }

  /** The entry's index, whether it is new or was in the log already. */
  append(entry: Uint8Array): Promise<number> {
    const leaf: Digest = `sha256:${toHex(leafHash(entry))}`;
    const running = this.#appending.get(leaf);
    if (running !== undefined) return running;
    const appended = this.#append(leaf, entry).finally(() => this.#appending.delete(leaf));
    this.#appending.set(leaf, appended);
    return appended;
  }

  async #append(leaf: Digest, entry: Uint8Array): Promise<number> {
    await this.#catchUp();
    const known = await this.#store.logIndex.get(leaf);
    if (known !== undefined) return known;
    // 1. The log commits. A crash after it leaves an entry that the cache does not know yet; the
    //    next append, also after a restart, catches up first and finds it.
    const { index } = await this.#log.append(entry);
    // 2. The cache learns it.
    await this.#store.transact((tables) => tables.logIndex.put(leaf, index));
    return index;
  }

  /** Entries that are in the log and not in the cache become known. */
  #catchUp(): Promise<void> {
    this.#catchingUp ??= this.#readMissing().finally(() => {
      this.#catchingUp = undefined;
    });
    return this.#catchingUp;
  }

  async #readMissing(): Promise<void> {
    const { size } = this.#log.head();
    let known = await this.#store.logIndex.size();
    while (known < size) {
      const end = Math.min(size, known + leavesPerReadMax);
      const first = known;
      const leaves = await this.#log.leafHashes(first, end);
      await this.#store.transact(async ({ logIndex }) => {
        for (const [offset, leaf] of leaves.entries()) {
          await logIndex.put(`sha256:${toHex(leaf)}`, first + offset);
        }
      });
      known = end;
    }
  }
}
