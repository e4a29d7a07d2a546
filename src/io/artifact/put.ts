/** Uploads a blob under its digest. Doing it again is no work and no error. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type Digest, hexOf } from "../../base/bytes.js";
import { explain } from "./disk.js";
import { checkedUrl, exchange, responseError, retrying, type TransferOptions } from "./transfer.js";

const readBytes = 256 * 1024;

export interface PutArtifactOptions extends TransferOptions {
  readonly digest: Digest;
  /** Either the bytes or the file that holds them. */
  readonly bytes?: Uint8Array;
  readonly path?: string;
}

export async function putArtifact(options: PutArtifactOptions): Promise<void> {
  const url = checkedUrl(options.url);
  await retrying(
    () => send(url, options),
    options,
    () => false,
  );
}

function send(url: URL, options: PutArtifactOptions): Promise<void> {
  return exchange(options, async (signal, moved) => {
    const { body, sizeBytes, close } = await contentOf(options, moved);
    try {
      const hex = hexOf(options.digest);
      const response = await fetch(url, {
        method: "PUT",
        headers: {
          ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
          "content-type": "application/octet-stream",
          "content-length": String(sizeBytes),
          // RFC 9530; the server checks what it writes against it.
          "repr-digest": `sha-256=:${Buffer.from(hex, "hex").toString("base64")}:`,
        },
        body,
        duplex: "half",
        redirect: "manual",
        signal,
      });
      moved();
      if (!response.ok) throw await responseError(response, options.url);
      await response.body?.cancel();
    } finally {
      await close();
    }
  });
}

async function contentOf(options: PutArtifactOptions, moved: () => void) {
  if (options.bytes !== undefined) {
    return { body: options.bytes, sizeBytes: options.bytes.length, close: async () => {} };
  }
  const path = options.path ?? "";
  try {
    const file = await open(path, constants.O_RDONLY);
    const close = () => file.close();
    try {
      const { size } = await file.stat();
      return { body: chunksOf(file, moved), sizeBytes: size, close };
    } catch (error) {
      await close();
      throw error;
    }
  } catch (error) {
    throw explain(error, `cannot read ${path}`);
  }
}

/** Not a stream of Node's: that holds its file open until it is read, and nobody may ever read it. */
async function* chunksOf(file: FileHandle, moved: () => void): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(readBytes), 0, readBytes);
    if (bytesRead === 0) return;
    moved();
    yield buffer.subarray(0, bytesRead);
  }
}
