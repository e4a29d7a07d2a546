/** node:crypto on all threads: workers that hash their share of the messages when told to. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Share } from "./crypto-worker.js";

const digestBytes = 32;

export class CryptoPool {
  readonly #digests: Uint8Array<SharedArrayBuffer>;
  readonly #workers: readonly Worker[];

  constructor(messages: readonly Uint8Array[], threads: number) {
    this.#digests = new Uint8Array(new SharedArrayBuffer(messages.length * digestBytes));
    const each = Math.ceil(messages.length / threads);
    this.#workers = Array.from({ length: threads }, (_, i) => {
      const mine = messages.slice(i * each, (i + 1) * each);
      const share: Share = { messages: mine, digests: this.#digests, first: i * each };
      return new Worker(new URL("./crypto-worker.js", import.meta.url), { workerData: share });
    });
  }

  get size(): number {
    return this.#workers.length;
  }

  /** All digests, one after another. */
  async run(): Promise<Uint8Array> {
    const done = this.#workers.map((worker) => once(worker, "message"));
    for (const worker of this.#workers) worker.postMessage("hash");
    await Promise.all(done);
    return this.#digests;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
