/** Files of tensors, .npy and .safetensors: the header first, then of the elements what is asked for. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { allocate } from "../native/memory.js";
import { strayBool } from "../tensor/dtype.js";
import { fileError, invalidFile } from "./data-file.js";
import { npyHeaderBytes, npyPlace, npyStartBytes } from "./npy.js";
import { headerLength, lengthBytes, SafetensorsHeader } from "./safetensors.js";
import { portBytes, type Tensor, type TensorPlace, tensorOver } from "./tensor.js";

/** At once, so that a signal is soon heard. */
const readBytesMax = 64 * 1024 * 1024;

/** What a file's header says. */
type Header = TensorPlace | SafetensorsHeader;

export class TensorFile {
  readonly #handle: FileHandle;
  readonly #file: string;
  readonly #header: Header;
  #readBytes: number;

  private constructor(handle: FileHandle, file: string, header: Header, readBytes: number) {
    this.#handle = handle;
    this.#file = file;
    this.#header = header;
    this.#readBytes = readBytes;
  }

  /** `file` is its name in messages, and by its end a .npy file or a .safetensors file. */
  static async open(path: string, file: string): Promise<TensorFile> {
    let handle: FileHandle | undefined;
    try {
      // A pipe without a writer must not be waited for.
      handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const facts = await handle.stat();
      if (!facts.isFile()) throw invalidFile(file, "is no regular file");
      const read = file.endsWith(".npy") ? readNpyHeader : readSafetensorsHeader;
      const { header, bytes } = await read(handle, file, facts.size);
      return new TensorFile(handle, file, header, bytes);
    } catch (error) {
      await handle?.close();
      throw fileError(error, file);
    }
  }

  /** A .npy file holds one tensor, which has no name. */
  place(name: string | undefined): TensorPlace {
    const header = this.#header;
    if (!(header instanceof SafetensorsHeader)) return header;
    if (name !== undefined) return header.place(name);
    const [only, another] = header.names;
    if (only !== undefined && another === undefined) return header.place(only);
    const known = header.names.slice(0, 20).join(", ");
    throw invalidFile(
      this.#file,
      `holds ${header.names.length} tensors and none is named`,
      `name one of ${known}`,
    );
  }

  holds(name: string): boolean {
    return this.#header instanceof SafetensorsHeader && this.#header.names.includes(name);
  }

  /** What has been read of it so far. */
  get readBytes(): number {
    return this.#readBytes;
  }

  async read(place: TensorPlace, signal?: AbortSignal): Promise<Tensor> {
    const bytes = new Uint8Array(allocate(portBytes(place)));
    try {
      for (let at = 0; at < bytes.length; ) {
        signal?.throwIfAborted();
        const part = bytes.subarray(at, at + readBytesMax);
        at += await readPart(this.#handle, this.#file, part, place.offset + at);
      }
    } catch (error) {
      throw fileError(error, this.#file);
    }
    this.#readBytes += bytes.length;
    const other = strayBool(place.dtype, bytes);
    if (other < 0) return tensorOver(place, bytes);
    throw invalidFile(
      this.#file,
      `has ${bytes[other]} where a bool is 0 or 1, at element ${other}`,
    );
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

interface Read {
  readonly header: Header;
  readonly bytes: number;
}

async function readNpyHeader(handle: FileHandle, file: string, fileBytes: number): Promise<Read> {
  const start = await readStart(handle, file, Math.min(npyStartBytes, fileBytes));
  const bytes = npyHeaderBytes(start, file);
  if (bytes > fileBytes) throw invalidFile(file, "ends within its header");
  const header = npyPlace(await readStart(handle, file, bytes), file);
  const wanted = bytes + portBytes(header);
  if (fileBytes === wanted) return { header, bytes };
  throw invalidFile(file, `has ${fileBytes} bytes and its header asks for ${wanted}`);
}

async function readSafetensorsHeader(
  handle: FileHandle,
  file: string,
  fileBytes: number,
): Promise<Read> {
  const start = await readStart(handle, file, Math.min(lengthBytes, fileBytes));
  const bytes = lengthBytes + headerLength(start, fileBytes, file);
  const text = (await readStart(handle, file, bytes)).subarray(lengthBytes);
  return { header: new SafetensorsHeader(text, fileBytes, file), bytes };
}

async function readStart(handle: FileHandle, file: string, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(allocate(length));
  for (let at = 0; at < length; ) at += await readPart(handle, file, bytes.subarray(at), at);
  return bytes;
}

async function readPart(
  handle: FileHandle,
  file: string,
  part: Uint8Array,
  position: number,
): Promise<number> {
  const { bytesRead } = await handle.read(part, 0, part.length, position);
  if (bytesRead === 0) throw invalidFile(file, "became shorter while it was read");
  return bytesRead;
}
