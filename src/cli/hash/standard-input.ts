/** Standard input: as bytes to hash, as a text, or as a key. */
import { accessSync, constants, createReadStream, fstatSync, readFileSync } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { isatty } from "node:tty";
import { QuipuError } from "../../base/errors.js";

/** A file is read in pieces that are worth dividing over threads. */
const fileChunkBytes = 1024 * 1024;
const keyBytes = 32;

/** Standard input that has been read once is at its end. */
let taken = false;

/** Read as fast as it is taken. */
export function standardInput(signal: AbortSignal): AsyncIterable<Buffer> {
  if (taken) return nothing();
  taken = true;
  const stream: Readable = isPipeOrTerminal()
    ? process.stdin
    : createReadStream("", { fd: 0, autoClose: false, highWaterMark: fileChunkBytes });
  return addAbortSignal(signal, stream);
}

/** The path of standard input where it is a file at its beginning: all threads can read that at once. */
export function standardInputFile(): string | undefined {
  if (taken || !fstatSync(0).isFile()) return undefined;
  try {
    if (!/^pos:\s+0$/m.test(readFileSync("/proc/self/fdinfo/0", "latin1"))) return undefined;
    accessSync("/proc/self/fd/0", constants.R_OK); // whoever opened it may have been allowed more
  } catch {
    return undefined;
  }
  taken = true;
  return "/proc/self/fd/0";
}

/** Of what is neither, Node makes a stream without content: a disk or a folder would seem to be empty. */
function isPipeOrTerminal(): boolean {
  const facts = fstatSync(0);
  return facts.isFIFO() || facts.isSocket() || isatty(0);
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
      throw new QuipuError("LIMIT_EXCEEDED", `${name} has more than ${bytesMax} bytes`, {
        next: "split it and give the parts one by one",
      });
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
