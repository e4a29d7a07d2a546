/**
 * Files whose size is not what they hold, once a read has found that out: those of `/proc` say that they
 * are empty, those of `/sys` claim a page whatever they hold, and on disk neither has anything.
 */
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { QuipuError } from "../../base/errors.js";
import type { NativeFileDigests, TaskControl } from "./binding.js";
import type { Hasher } from "./hasher.js";

export interface Hashers {
  readonly sha256: Hasher | undefined;
  readonly blake3: Hasher | undefined;
}

export interface UnsizedDigests extends NativeFileDigests {
  /** What it held. */
  readonly sizeBytes: number;
}

const claimedBytesMax = 64n * 1024n;
const readBytesMax = 64 * 1024;
/** Non-blocking: neither a pipe in the file's place nor a log without a new line is waited for. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Digests of such a file, read to its end; throws `changed` where a file did change. */
export async function hashUnsized(
  path: string | Buffer,
  hashers: Hashers,
  control: TaskControl,
  changed: QuipuError,
): Promise<UnsizedDigests> {
  const file = await open(path, openFlags).catch((thrown: unknown) => {
    throw QuipuError.from(thrown).code === "NOT_FOUND" ? changed : failure("open", path, thrown);
  });
  try {
    const before = await file.stat({ bigint: true });
    const { size, blocks } = before;
    if (!before.isFile() || (size > 0n && (blocks > 0n || size > claimedBytesMax))) throw changed;
    const sizeBytes = await readAll(file, path, hashers, control);
    const facts = factsOf(before);
    const isStill = factsOf(await file.stat({ bigint: true })).every(
      (fact, i) => fact === facts[i],
    );
    // A file that holds what it says has changed a moment ago, and no more.
    if (!isStill || BigInt(sizeBytes) === size) throw changed;
    const none = new Uint8Array(0);
    return {
      facts,
      sizeBytes,
      sha256: hashers.sha256?.digest() ?? none,
      blake3: hashers.blake3?.digest() ?? none,
    };
  } finally {
    await file.close();
  }
}

/** In the order of the addon's. */
function factsOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): BigInt64Array {
  return BigInt64Array.of(dev, ino, size, mtimeNs, ctimeNs);
}

async function readAll(
  file: FileHandle,
  path: string | Buffer,
  { sha256, blake3 }: Hashers,
  control: TaskControl,
): Promise<number> {
  const block = Buffer.alloc(readBytesMax);
  for (let doneBytes = 0; ; ) {
    const readBytes = await readSome(file, path, block);
    if (readBytes === 0) return doneBytes;
    const read = block.subarray(0, readBytes);
    sha256?.update(read);
    blake3?.update(read);
    doneBytes += readBytes;
    Atomics.add(control, 1, BigInt(readBytes));
    if (Atomics.load(control, 0) !== 0n) throw new QuipuError("CANCELLED", "hashing was cancelled");
  }
}

/** From where the last read ended. */
async function readSome(file: FileHandle, path: string | Buffer, into: Buffer): Promise<number> {
  try {
    return (await file.read(into, 0, into.length, null)).bytesRead;
  } catch (thrown) {
    throw failure("read", path, thrown); // such as EAGAIN, of a log that has nothing new
  }
}

function failure(verb: string, path: string | Buffer, cause: unknown): QuipuError {
  const { code, message } = QuipuError.ofSystem(cause);
  return new QuipuError(code, `cannot ${verb} ${path}: ${message}`, { cause });
}
