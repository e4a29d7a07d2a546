/**
 * Files whose size is not what they hold, once a read has found that out. Those of `/proc` say that they
 * are empty, and are read to their end here. Those of `/sys` claim a page whatever they hold, and are
 * refused as what they are.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { QuipuError } from "../../base/errors.js";
import type { NativeFileDigests, TaskControl } from "./binding.js";
import type { Hasher } from "./hasher.js";

export interface Hashers {
  readonly sha256: Hasher | undefined;
  readonly blake3: Hasher | undefined;
}

const blockBytes = 64 * 1024;
/** Non-blocking: neither a pipe in the file's place nor a log without a new line is waited for. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Digests of a file that seems empty and is not; throws `changed` where a file did change. */
export async function hashUnsized(
  path: string | Buffer,
  hashers: Hashers,
  control: TaskControl,
  changed: QuipuError,
): Promise<NativeFileDigests> {
  const file = await open(path, openFlags).catch(() => {
    throw changed;
  });
  try {
    const facts = await factsOf(file, changed);
    const sizeBytes = Number(facts[2]);
    const readBytes =
      sizeBytes === 0
        ? await readAll(file, path, hashers, control)
        : await bytesAfter(file, path, sizeBytes - 1);
    const isStill = Buffer.from(facts.buffer).equals(
      Buffer.from((await factsOf(file, changed)).buffer),
    );
    if (!isStill) throw changed;
    if (sizeBytes > 0 && readBytes !== 1) throw notItsSize(path, sizeBytes);
    if (sizeBytes > 0 || readBytes === 0) throw changed; // a moment ago, and no more
    const none = new Uint8Array(0);
    return {
      facts,
      sha256: hashers.sha256?.digest() ?? none,
      blake3: hashers.blake3?.digest() ?? none,
    };
  } finally {
    await file.close();
  }
}

/** In the order of the addon's. */
async function factsOf(file: FileHandle, changed: QuipuError): Promise<BigInt64Array> {
  const found = await file.stat({ bigint: true });
  if (!found.isFile()) throw changed;
  return BigInt64Array.of(found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs);
}

/** Of the byte at `offset` and the next: one where the file ends as it says. */
function bytesAfter(file: FileHandle, path: string | Buffer, offset: number): Promise<number> {
  return readSome(file, path, Buffer.alloc(2), offset);
}

async function readAll(
  file: FileHandle,
  path: string | Buffer,
  { sha256, blake3 }: Hashers,
  control: TaskControl,
): Promise<number> {
  const block = Buffer.alloc(blockBytes);
  for (let doneBytes = 0; ; ) {
    const readBytes = await readSome(file, path, block, null);
    if (readBytes === 0) return doneBytes;
    const read = block.subarray(0, readBytes);
    sha256?.update(read);
    blake3?.update(read);
    doneBytes += readBytes;
    Atomics.add(control, 1, BigInt(readBytes));
    if (Atomics.load(control, 0) !== 0n) throw new QuipuError("CANCELLED", "hashing was cancelled");
  }
}

function notItsSize(path: string | Buffer, sizeBytes: number): QuipuError {
  const message = `${path}: its size is not what it holds: it ends elsewhere than after ${sizeBytes} bytes`;
  return new QuipuError("DATA_CHANGED", message, {
    next: "read it yourself and hash what it holds",
  });
}

/** Without an offset: from where the last such read ended. */
async function readSome(
  file: FileHandle,
  path: string | Buffer,
  into: Buffer,
  offset: number | null,
): Promise<number> {
  try {
    return (await file.read(into, 0, into.length, offset)).bytesRead;
  } catch (thrown) {
    const { code, message } = QuipuError.from(thrown);
    // Such as EAGAIN, of a log that has nothing new.
    const known = code === "INTERNAL" ? "IO" : code;
    throw new QuipuError(known, `cannot read ${path}: ${message}`, { cause: thrown });
  }
}
