/** Digests of a file from one read of it. */
import { stat } from "node:fs/promises";
import { toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { binding, type NativeFileDigests, type TaskControl } from "./binding.js";
import {
  checkAlgorithm,
  type HashAlgorithm,
  type HashOptions,
  lengthOf,
  modeOf,
} from "./hash-options.js";
import { Hasher } from "./hasher.js";
import { checkBytes } from "./memory.js";
import { runTask, type TaskOptions } from "./task.js";
import { hashUnsized, type UnsizedDigests } from "./unsized-file.js";

/** What the system says of a file without reading it; a write changes one of them, but for what clock ticks hide. */
export interface FileFacts {
  readonly device: bigint;
  readonly inode: bigint;
  readonly sizeBytes: number;
  /** Since 1970. */
  readonly modifiedNs: bigint;
  /** Nobody can set it back. */
  readonly changedNs: bigint;
}

/** Digests are hexadecimal. */
export type FileDigests<Algorithm extends HashAlgorithm> = {
  readonly facts: FileFacts;
  /** What was hashed; more or less than `facts` say of the files of `/proc` and `/sys`. */
  readonly sizeBytes: number;
} & { readonly [algorithm in Algorithm]: string };

export interface HashFileOptions<Algorithm extends HashAlgorithm>
  extends Omit<HashOptions, "algorithm">,
    TaskOptions {
  /** Both unless given; BLAKE3 alone is read and hashed by all threads. */
  readonly algorithms?: readonly Algorithm[];
}

/**
 * Hashes a regular file; the path may be a link to it, and as bytes it need not be UTF-8. `key`, `context`
 * and `length` are BLAKE3's. A folder, pipe or device is DATA_INVALID; a file that changes while it is
 * read is DATA_CHANGED. Files of `/proc` and `/sys` are read to their end, whatever their size says.
 */
export async function hashFile<Algorithm extends HashAlgorithm = HashAlgorithm>(
  path: string | Uint8Array,
  options: HashFileOptions<Algorithm> = {},
): Promise<FileDigests<Algorithm>> {
  const { algorithms, context, length, backend, ...taskOptions } = options;
  // Copies: whoever called may change their memory while this waits.
  const own = typeof path === "string" ? path : copyOf(path, "path");
  const key = options.key === undefined ? undefined : copyOf(options.key, "key");
  const bits = algorithmBits(algorithms);
  const mode = modeOf({ algorithm: bits === 1 ? "sha256" : "blake3", key, context, length });
  const lengthBytes = lengthOf({ length });
  const hashAnyway = (control: TaskControl, changed: unknown): Promise<UnsizedDigests> => {
    if (!(changed instanceof QuipuError) || changed.code !== "DATA_CHANGED") throw changed;
    const sha256 = bits === 2 ? undefined : new Hasher({ algorithm: "sha256", backend });
    const blake3 = bits === 1 ? undefined : new Hasher({ key, context, length, backend });
    return hashUnsized(own, { sha256, blake3 }, control, changed);
  };
  const totalBytes = options.onProgress === undefined ? 0 : await sizeOf(own);
  const found: NativeFileDigests | UnsizedDigests = await runTask(
    taskOptions,
    totalBytes,
    "hashing a file",
    (control) =>
      binding()
        .hashFile(own, bits, mode, lengthBytes, backend, control)
        .catch((thrown: unknown) => hashAnyway(control, thrown)),
  );
  const { sha256, blake3 } = found;
  const facts = factsAt(found.facts, 0);
  return {
    facts,
    sizeBytes: "sizeBytes" in found ? found.sizeBytes : facts.sizeBytes,
    ...(sha256.length === 0 ? {} : { sha256: toHex(sha256) }),
    ...(blake3.length === 0 ? {} : { blake3: toHex(blake3) }),
  } as FileDigests<Algorithm>;
}

function copyOf(bytes: Uint8Array, name: string): Buffer {
  checkBytes(bytes, name);
  return Buffer.from(bytes);
}

/** Zero for a file that cannot be looked at: the read that follows says why. */
async function sizeOf(path: string | Buffer): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

const bitOf: Readonly<Record<HashAlgorithm, number>> = { sha256: 1, blake3: 2 };

export function algorithmBits(algorithms: readonly HashAlgorithm[] = ["sha256", "blake3"]): number {
  if (!Array.isArray(algorithms) || algorithms.length === 0) {
    throw new QuipuError("INVALID_ARGUMENT", "algorithms must be an array that names some", {
      next: "name blake3, sha256 or both",
    });
  }
  let sum = 0;
  for (const algorithm of algorithms as readonly unknown[]) {
    checkAlgorithm(algorithm);
    sum |= bitOf[algorithm];
  }
  return sum;
}

/** The facts of file `index` of many. */
export function factsAt(numbers: BigInt64Array, index: number): FileFacts {
  const at = index * 5;
  return {
    device: numbers[at] as bigint,
    inode: numbers[at + 1] as bigint,
    sizeBytes: Number(numbers[at + 2]),
    modifiedNs: numbers[at + 3] as bigint,
    changedNs: numbers[at + 4] as bigint,
  };
}

export function sameFacts(a: FileFacts, b: FileFacts): boolean {
  return (
    a.changedNs === b.changedNs &&
    a.modifiedNs === b.modifiedNs &&
    a.sizeBytes === b.sizeBytes &&
    a.inode === b.inode &&
    a.device === b.device
  );
}
