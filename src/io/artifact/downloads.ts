/**
 * Downloads in work: one at a time for a digest, each in a file that outlives a failed attempt and a
 * dead process, so that the next attempt goes on from there.
 */
import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, hexOf } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { untilAbort } from "../../base/until-abort.js";
import { type BlobFacts, BlobFile, type BlobHashers } from "./blob-file.js";
import { explain } from "./disk.js";
import { artifactLimits, type SizeLimit } from "./size-limit.js";

/** What is there of a blob, and the way to add to it. */
export interface Partial {
  readonly sizeBytes: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Back to no bytes. */
  restart(): Promise<void>;
}

type Work = (partial: Partial) => Promise<void>;

export class Downloads {
  readonly #folder: string;
  readonly #hashers: BlobHashers;
  readonly #name: (path: string, facts: BlobFacts) => Promise<void>;
  readonly #running = new Map<Digest, Promise<BlobFacts>>();

  /** `name` gives a finished file its place in the store. */
  constructor(
    folder: string,
    hashers: BlobHashers,
    name: (path: string, facts: BlobFacts) => Promise<void>,
  ) {
    this.#folder = folder;
    this.#hashers = hashers;
    this.#name = name;
  }

  /**
   * Runs `work` on what is there of a blob. Who comes second waits for the first. What failed half-way
   * is kept for the next attempt, unless the bytes themselves are wrong or the disk is full of them.
   */
  async run(
    digest: Digest,
    signal: AbortSignal | undefined,
    limit: SizeLimit,
    work: Work,
  ): Promise<BlobFacts> {
    for (;;) {
      const running = this.#running.get(digest);
      if (running === undefined) break;
      try {
        return await (signal === undefined ? running : untilAbort(running, signal));
      } catch (error) {
        // The first one's caller gave up; this one has not.
        const given = error instanceof QuipuError && error.code === "CANCELLED";
        if (!given || signal?.aborted === true) throw error;
      }
    }
    const running = this.#attempt(digest, limit, work);
    this.#running.set(digest, running);
    try {
      return await running;
    } finally {
      this.#running.delete(digest);
    }
  }

  async sweep(nowMs: number): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const { mtimeMs } = await stat(path);
      if (nowMs - mtimeMs > artifactLimits.partialAgeMsMax) await unlink(path);
    }
  }

  async #attempt(digest: Digest, limit: SizeLimit, work: Work): Promise<BlobFacts> {
    const path = join(this.#folder, hexOf(digest));
    const file = await BlobFile.resume(path, this.#hashers);
    const resumed = file.sizeBytes > 0;
    try {
      await work(partialOf(file, limit));
    } catch (error) {
      const failure = explain(error, `cannot fetch ${digest}`);
      if (failure.code === "DISK_FULL" || failure.code === "LIMIT_EXCEEDED") await file.discard();
      else await file.close();
      throw failure;
    }
    try {
      const facts = await file.seal(digest);
      await this.#name(path, facts);
      return facts;
    } catch (error) {
      // What an earlier process left may have been torn by a crash: once more, from nothing.
      if (!resumed || (error as QuipuError).code !== "DIGEST_MISMATCH") throw error;
      return await this.#attempt(digest, limit, work);
    }
  }
}

function partialOf(file: BlobFile, limit: SizeLimit): Partial {
  return {
    get sizeBytes() {
      return file.sizeBytes;
    },
    async append(bytes) {
      limit(file.sizeBytes + bytes.length);
      await file.append(bytes);
    },
    restart: () => file.restart(),
  };
}
