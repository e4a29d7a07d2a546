/** Standard input: as bytes to hash, as a text, or as a key. */
import { createReadStream, fstatSync } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { QuipuError } from "../../base/errors.js";

/** A file is read in pieces that are worth dividing over threads. */
export const fileChunkBytes = 1024 * 1024;
const keyBytes = 32;

let opened: Readable | undefined;

/** Read as fast as it is taken. Standard input that has been read before is at its end. */
export function standardInput(signal: AbortSignal): AsyncIterable<Buffer> {
  if (opened !== undefined) return nothing();
  opened = isPipe()
    ? process.stdin
    : createReadStream("", { fd: 0, autoClose: false, highWaterMark: fileChunkBytes });
  return addAbortSignal(signal, opened);
}

/** Of what is neither, Node makes a stream without content: a disk or a folder would seem to be empty. */
function isPipe(): boolean {
  const facts = fstatSync(0);
  return facts.isFIFO() || facts.isSocket() || process.stdin.isTTY === true;
}

async function* nothing(): AsyncGenerator<Buffer> {}

/** All of a stream. LIMIT_EXCEEDED past `bytesMax`. */
export async function readAll(
  chunks: AsyncIterable<Buffer>,
  name: string,
  bytesMax: number,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new QuipuError("LIMIT_EXCEEDED", `${name} has more than ${bytesMax} bytes`);
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** The key of `--keyed`: exactly 32 bytes, so that a text with its line end is not taken for one. */
export async function keyFromInput(signal: AbortSignal): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of standardInput(signal)) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes > keyBytes) break;
  }
  if (bytes === keyBytes) return new Uint8Array(Buffer.concat(parts));
  const found = bytes > keyBytes ? "more" : `${bytes}`;
  throw new QuipuError("INVALID_ARGUMENT", `a key is ${keyBytes} bytes on stdin; found ${found}`, {
    next: "write the raw bytes, without a line end",
  });
}
