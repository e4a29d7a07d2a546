/** Digests of a file from one read of it. */
import { stat } from "node:fs/promises";
import { toHex } from "../../base/bytes.js";
import { binding } from "./binding.js";
import { type HashAlgorithm, type HashOptions, lengthOf, modeOf } from "./hash-options.js";
import { runTask, type TaskOptions } from "./task.js";

/** What the system says of a file without reading it; any write changes one of them. */
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
 * read is DATA_CHANGED.
 */
export async function hashFile<Algorithm extends HashAlgorithm = HashAlgorithm>(
  path: string | Uint8Array,
  options: HashFileOptions<Algorithm> = {},
): Promise<FileDigests<Algorithm>> {
  const { algorithms, key, context, backend, ...taskOptions } = options;
  const mode = modeOf({ key, context });
  const wanted = algorithmBits(algorithms);
  const totalBytes = options.onProgress === undefined ? 0 : await sizeOf(path);
  const { facts, sha256, blake3 } = await runTask(
    taskOptions,
    totalBytes,
    "hashing a file",
    (control) => binding().hashFile(path, wanted, mode, lengthOf(options), backend, control),
  );
  return {
    facts: factsAt(facts, 0),
    ...(sha256.length === 0 ? {} : { sha256: toHex(sha256) }),
    ...(blake3.length === 0 ? {} : { blake3: toHex(blake3) }),
  } as FileDigests<Algorithm>;
}

/** Zero for a file that cannot be looked at: the read that follows says why. */
async function sizeOf(path: string | Uint8Array): Promise<number> {
  const known = typeof path === "string" ? path : Buffer.from(path);
  return stat(known).then(
    ({ size }) => size,
    () => 0,
  );
}

const bits: Readonly<Record<HashAlgorithm, number>> = { sha256: 1, blake3: 2 };

export function algorithmBits(algorithms: readonly HashAlgorithm[] = ["sha256", "blake3"]): number {
  return algorithms.reduce((sum, algorithm) => sum | bits[algorithm], 0);
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
