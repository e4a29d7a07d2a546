/** Hashes of input that comes in pieces, by hand or as a stream. */
import { Writable } from "node:stream";
import { QuipuError } from "../../base/errors.js";
import { binding, type NativeHasher } from "./binding.js";
import {
  digestBytes,
  type HashOptions,
  lengthOf,
  modeOf,
  refuseLarge,
  synchronousBytesMax,
} from "./hash-options.js";
import { lendBytes, type OwnedBytes, ownBytes } from "./owned-bytes.js";
import { runTask, type TaskOptions } from "./task.js";

/** `digest` may be called at any time and changes nothing. */
export class Hasher {
  readonly #native: NativeHasher;
  readonly #length: number;
  /** Of an update that was stopped nobody knows how much was taken. */
  #isSpoiled = false;

  constructor(options: HashOptions = {}) {
    const mode = modeOf(options);
    this.#length = options.length === undefined ? digestBytes : lengthOf(options);
    const { Sha256Hasher, Blake3Hasher } = binding();
    this.#native =
      options.algorithm === "sha256"
        ? new Sha256Hasher(options.backend)
        : new Blake3Hasher(mode, options.backend);
  }

  /** Up to `synchronousBytesMax` bytes. CONFLICT while an `updateAsync` is running. */
  update(data: Uint8Array): this {
    refuseLarge(data, "updateAsync");
    this.#refuseSpoiled();
    this.#native.update(data);
    return this;
  }

  /**
   * Any number of bytes, off the event loop; copied first unless they are `OwnedBytes`. One at a time. After
   * one that was aborted or failed once it had begun, every call of this hasher is CONFLICT.
   */
  async updateAsync(data: Uint8Array | OwnedBytes, options: TaskOptions = {}): Promise<void> {
    this.#refuseSpoiled();
    let hasBegun = false;
    try {
      await lendBytes(ownBytes(data), (bytes) =>
        runTask(options, bytes.length, "hashing", (control) => {
          const running = this.#native.updateAsync(bytes, control); // throws while another runs
          hasBegun = true;
          return running;
        }),
      );
    } catch (thrown) {
      if (hasBegun) this.#isSpoiled = true;
      throw thrown;
    }
  }

  digest(): Uint8Array {
    this.#refuseSpoiled();
    const out = new Uint8Array(this.#length);
    this.#native.digest(out);
    return out;
  }

  #refuseSpoiled(): void {
    if (!this.#isSpoiled) return;
    throw new QuipuError("CONFLICT", "an update of this hasher did not end, and is taken in part", {
      next: "begin again with a new hasher",
    });
  }
}

/** The end of a pipeline that hashes what flows in; a source faster than the hash is held back. */
export class HashStream extends Writable {
  readonly #hasher: Hasher;
  readonly #stop = new AbortController();

  constructor(options: HashOptions = {}) {
    super({ decodeStrings: true });
    this.#hasher = new Hasher(options);
  }

  /** Of all that has been written; of the whole input once the stream has finished. */
  digest(): Uint8Array {
    return this.#hasher.digest();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (chunk.byteLength > synchronousBytesMax) {
      this.#hasher.updateAsync(chunk, { signal: this.#stop.signal }).then(() => done(), done);
      return;
    }
    try {
      this.#hasher.update(chunk);
      done();
    } catch (thrown) {
      done(thrown as Error);
    }
  }

  /** Given up, it stops what is being hashed; at its regular end nothing is. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stop.abort();
    done(error);
  }
}
