/**
 * Memory that nobody but its owner can reach. A native task reads it on another thread, where a writer
 * would tear the digest and a transfer would free it in mid-read.
 */
import { QuipuError } from "../../base/errors.js";
import { checkBytes, copyBytes } from "./memory.js";

/** Lends memory for one task. No method, so that nobody outside can keep what was only lent. */
export let lendAll: <T>(
  owned: readonly OwnedBytes[],
  task: (bytes: readonly Uint8Array[]) => Promise<T>,
) => Promise<T>;

export function lendBytes<T>(
  owned: OwnedBytes,
  task: (bytes: Uint8Array) => Promise<T>,
): Promise<T> {
  return lendAll([owned], ([bytes]) => task(bytes as Uint8Array));
}

export class OwnedBytes {
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #uses = 0;

  static {
    lendAll = async (owned, task) => {
      const bytes = owned.map((one) => one.#held());
      for (const one of owned) one.#uses += 1;
      try {
        return await task(bytes);
      } finally {
        for (const one of owned) one.#uses -= 1;
      }
    };
  }

  private constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  /**
   * Takes the memory over without a copy: `data` and every other view of it become empty. It must be
   * the whole of its buffer, and not shared. `release` gives it back.
   */
  static take(data: Uint8Array): OwnedBytes {
    checkBytes(data, "data");
    const { buffer } = data;
    if (!(buffer instanceof ArrayBuffer)) throw refused("it is shared memory");
    if (data.byteLength !== buffer.byteLength) {
      throw refused(`it is ${data.byteLength} of the ${buffer.byteLength} bytes of its buffer`);
    }
    let moved: ArrayBuffer;
    try {
      moved = structuredClone(buffer, { transfer: [buffer] });
    } catch (thrown) {
      throw refused("it cannot be transferred", thrown);
    }
    // WebAssembly's memory is copied without a word, and stays where it was.
    if (data.byteLength > 0) throw refused("it cannot be transferred");
    return new OwnedBytes(new Uint8Array(moved));
  }

  /** Takes a copy, also of shared memory. */
  static copyOf(data: Uint8Array): OwnedBytes {
    checkBytes(data, "data");
    return new OwnedBytes(copyBytes(data));
  }

  get length(): number {
    return this.#held().length;
  }

  /** The memory again, for its owner to do with as it likes. CONFLICT while a task uses it. */
  release(): Uint8Array<ArrayBuffer> {
    const bytes = this.#held();
    if (this.#uses > 0) {
      throw new QuipuError("CONFLICT", "a task still uses this memory", { next: "await it first" });
    }
    this.#bytes = undefined;
    return bytes;
  }

  #held(): Uint8Array<ArrayBuffer> {
    if (this.#bytes !== undefined) return this.#bytes;
    throw new QuipuError("INVALID_ARGUMENT", "this memory has been released");
  }
}

/** What a task may read: memory that was handed over, or a copy. */
export function ownBytes(data: Uint8Array | OwnedBytes): OwnedBytes {
  return data instanceof OwnedBytes ? data : OwnedBytes.copyOf(data);
}

function refused(why: string, cause?: unknown): QuipuError {
  return new QuipuError("INVALID_ARGUMENT", `the memory cannot be taken over: ${why}`, {
    next: "pass the array itself, which is copied",
    ...(cause === undefined ? {} : { cause }),
  });
}
