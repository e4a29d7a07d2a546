/** Gathers appends into batches: whatever waits when the last batch is done goes together. */
import { sha256, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";

/** An append that has not been answered. */
export interface Waiting {
  readonly entry: Uint8Array;
  readonly resolve: (answer: { readonly index: number }) => void;
}

interface Queued extends Waiting {
  readonly reject: (error: unknown) => void;
}

export const batchEntriesMax = 8192;
export const batchBytesMax = 16 * 1024 * 1024;
export const queuedEntriesMax = 32_768;
/** Longer entries are known by their hash. */
const keptBytesMax = 4_096;

export class AppendQueue {
  readonly #process: (batch: readonly Waiting[]) => Promise<void>;
  readonly #pending = new Map<string, Promise<{ readonly index: number }>>();
  #queued: Queued[] = [];
  #running = false;

  /** `process` answers each of its batch, or rejects, which answers the rest of them. */
  constructor(process: (batch: readonly Waiting[]) => Promise<void>) {
    this.#process = process;
  }

  add(entry: Uint8Array): Promise<{ readonly index: number }> {
    const key = keyOf(entry);
    const same = this.#pending.get(key);
    if (same !== undefined) return same;
    if (this.#pending.size >= queuedEntriesMax) {
      const text = `${queuedEntriesMax} appends wait for the log already`;
      return Promise.reject(new QuipuError("UNAVAILABLE", text, { next: "try again in a moment" }));
    }
    const answer = new Promise<{ readonly index: number }>((resolve, reject) => {
      this.#queued.push({
        entry,
        resolve: (index) => {
          this.#pending.delete(key);
          resolve(index);
        },
        reject: (error) => {
          this.#pending.delete(key);
          reject(error);
        },
      });
    });
    this.#pending.set(key, answer);
    if (!this.#running) {
      this.#running = true;
      queueMicrotask(() => void this.#drain()); // appends of this very moment join the first batch
    }
    return answer;
  }

  async #drain(): Promise<void> {
    while (this.#queued.length > 0) {
      const batch = this.#take();
      try {
        await this.#process(batch);
      } catch (thrown) {
        for (const { reject } of batch) reject(QuipuError.from(thrown));
      }
    }
    this.#running = false;
  }

  #take(): Queued[] {
    let bytes = 0;
    let count = 0;
    for (const { entry } of this.#queued) {
      bytes += entry.length;
      if (count > 0 && (bytes > batchBytesMax || count === batchEntriesMax)) break;
      count += 1;
    }
    const batch = this.#queued.slice(0, count);
    this.#queued = this.#queued.slice(count);
    return batch;
  }
}

/**
 * The entry itself, a character a byte: hashes are taken later, of many entries at once. A long one has its
 * hash, marked by a character that no byte gives.
 */
function keyOf(entry: Uint8Array): string {
  if (entry.length > keptBytesMax) return `\u0100${toHex(sha256(entry))}`;
  return Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength).toString("latin1");
}
