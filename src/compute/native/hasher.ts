/** Hashes of input that comes in pieces, by hand or as a stream. */
import { Writable } from "node:stream";
import { binding, type NativeHasher } from "./binding.js";
import {
  digestBytes,
  type HashOptions,
  lengthOf,
  modeOf,
  refuseLarge,
  synchronousBytesMax,
} from "./hash-options.js";
import { OwnedBytes } from "./owned-bytes.js";
import { runTask, type TaskOptions } from "./task.js";

/** `digest` may be called at any time and changes nothing. */
export class Hasher {
  readonly #native: NativeHasher;
  readonly #length: number;

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
    this.#native.update(data);
    return this;
  }

  /**
   * Any number of bytes, off the event loop; copied first unless they are `OwnedBytes`. One at a time. A
   * hasher whose update was aborted has taken part of it, and is of no further use.
   */
  async updateAsync(data: Uint8Array | OwnedBytes, options: TaskOptions = {}): Promise<void> {
    const owned = data instanceof OwnedBytes ? data : OwnedBytes.copyOf(data);
    await owned.lend((bytes) =>
      runTask(options, bytes.length, "hashing", (control) =>
        this.#native.updateAsync(bytes, control),
      ),
    );
  }

  digest(): Uint8Array {
    const out = new Uint8Array(this.#length);
    this.#native.digest(out);
    return out;
  }
}

/** The end of a pipeline that hashes what flows in; a source faster than the hash is held back. */
export class HashStream extends Writable {
  readonly #hasher: Hasher;

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
      this.#hasher.updateAsync(chunk).then(() => done(), done);
      return;
    }
    try {
      this.#hasher.update(chunk);
      done();
    } catch (thrown) {
      done(thrown as Error);
    }
  }
}
