/**
 * Small named entries in one file, each replaced as a whole and durably, under the terms of
 * `DurableFolder`. Entries that are written at the same moment share one sync, and a sync of bytes that
 * the file has room for already costs the file system no commit of its own: a busy agent's journal.
 *
 * The file is a row of records, each with its length and checksum; the newest of a name counts, and
 * zeros follow the last. What a crash cut short is no record and ends the row: nobody was told of it or
 * of anything behind it. So every start, and whatever follows a failed write, begins a file anew with
 * the entries that count. Bytes behind the row are kept beside the file, for a disk that rots looks the
 * same.
 */
import { type FileHandle, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { QuipuError } from "../../base/errors.js";
import {
  checkedName,
  type DurableFolder,
  explain,
  isMissing,
  makeFolder,
  syncFolder,
  writeSynced,
} from "./durable-folder.js";

export interface EntryFile {
  /** Names in one section are apart from those in another. */
  section(name: string): DurableFolder;
  /** Bytes that were no records when the file was opened; they are in the file of this name and `.cut`. */
  readonly cutBytes: number;
  /** After it nothing can be written. */
  close(): Promise<void>;
}

/** Frozen: the first bytes of the file. */
const magic = Buffer.from("quipu.dev/entries/v1\n");
const headBytes = 8;
/** The file grows by so much at once, with zeros. */
const roomBytes = 256 * 1024;
/** A file of more than this, most of which no longer counts, is begun anew. */
const staleBytesMin = 8 * 1024 * 1024;
const keyBytesMax = 512;
/** Far above any entry; a length above it is no length. */
const recordBytesMax = 256 * 1024 * 1024;

/** The newest state of an entry; undefined: it is gone. */
interface Change {
  readonly key: string;
  readonly content: Uint8Array | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export async function openEntryFile(path: string): Promise<EntryFile> {
  const folder = dirname(path);
  try {
    await makeFolder(folder);
    const leftover = `${basename(path)}.new`;
    if ((await readdir(folder)).includes(leftover)) await unlink(join(folder, leftover));
    const bytes = await readFile(path).catch((error: unknown) => {
      if (isMissing(error)) return Buffer.alloc(0);
      throw error;
    });
    const { entries, rest } = readEntries(bytes, path);
    if (rest.length > 0) await writeSynced(`${path}.cut`, rest, "w");
    return new Entries(path, entries, rest.length);
  } catch (error) {
    throw explain(error, `cannot open ${path}`);
  }
}

class Entries implements EntryFile {
  readonly #path: string;
  /** What is on disk, by section and name. */
  readonly #entries: Map<string, Uint8Array>;
  #handle: FileHandle | undefined;
  #usedBytes = 0;
  #roomBytes = 0;
  #liveBytes = 0;
  #waiting: Change[] = [];
  #draining: Promise<void> | undefined;
  #closed = false;

  constructor(
    path: string,
    entries: Map<string, Uint8Array>,
    readonly cutBytes: number,
  ) {
    this.#path = path;
    this.#entries = entries;
  }

  section(section: string): DurableFolder {
    const prefix = `${section}/`;
    const key = (name: string) => prefix + checkedName(name);
    return {
      put: async (name, bytes) => this.#change(key(name), Uint8Array.from(bytes)),
      get: async (name) => this.#entries.get(key(name))?.slice(),
      delete: async (name) => this.#change(key(name), undefined),
      names: async () => {
        const keys = [...this.#entries.keys()].filter((one) => one.startsWith(prefix));
        return keys.map((one) => one.slice(prefix.length)).sort();
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #change(key: string, content: Uint8Array | undefined): Promise<void> {
    if (this.#closed) {
      return Promise.reject(new QuipuError("INTERNAL", `${this.#path} was closed`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, content, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // whoever asks in this same turn shares the first sync
    while (this.#waiting.length > 0) {
      const changes = this.#waiting.splice(0);
      try {
        await this.#write(changes);
        for (const { resolve } of changes) resolve();
      } catch (error) {
        // What reached the disk is not known: the next write begins a file anew without these.
        await this.#abandon();
        const told = explain(error, `cannot write ${this.#path}`);
        for (const { reject } of changes) reject(told);
      }
    }
    this.#draining = undefined;
  }

  async #write(changes: readonly Change[]): Promise<void> {
    const isStale = this.#usedBytes > staleBytesMin && this.#usedBytes > 4 * this.#liveBytes;
    if (this.#handle === undefined || isStale) await this.#begin();
    const records = changes.map(({ key, content }) => recordOf(key, content));
    const bytes = Buffer.concat(records);
    await this.#append(this.#handle as FileHandle, bytes);
    // On disk. Only now may it count.
    for (const { key, content } of changes) {
      this.#liveBytes -= sizeOf(key, this.#entries.get(key));
      if (content === undefined) this.#entries.delete(key);
      else this.#entries.set(key, content);
      this.#liveBytes += sizeOf(key, content);
    }
  }

  async #append(handle: FileHandle, bytes: Uint8Array): Promise<void> {
    const end = this.#usedBytes + bytes.length;
    const grows = end + headBytes > this.#roomBytes;
    const roomEnd = grows ? Math.ceil((end + headBytes) / roomBytes) * roomBytes : this.#roomBytes;
    const room = grows ? [bytes, Buffer.alloc(roomEnd - end)] : [bytes];
    await writeAll(handle, Buffer.concat(room), this.#usedBytes);
    await handle.datasync();
    this.#usedBytes = end;
    this.#roomBytes = roomEnd;
  }

  /**
   * The entries that count, as a new file. 1. Under another name, on disk. 2. It takes the name, on
   * disk. A crash before the second leaves the old file; the leftover is removed at the next start.
   */
  async #begin(): Promise<void> {
    const fresh = `${this.#path}.new`;
    const handle = await open(fresh, "w", 0o600);
    try {
      const records = [...this.#entries].map(([key, content]) => recordOf(key, content));
      this.#usedBytes = 0;
      this.#roomBytes = 0;
      await this.#append(handle, Buffer.concat([magic, ...records]));
      await rename(fresh, this.#path);
      await syncFolder(dirname(this.#path));
    } catch (error) {
      await handle.close();
      throw error;
    }
    const old = this.#handle;
    this.#handle = handle;
    this.#liveBytes = 0;
    for (const [key, content] of this.#entries) this.#liveBytes += sizeOf(key, content);
    await old?.close();
  }

  async #abandon(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined); // it has said already that it failed
    await unlink(`${this.#path}.new`).catch(() => undefined);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

/** Length and CRC-32 of the body, then the body: length of the key, whether it is there, key, content. */
function recordOf(key: string, content: Uint8Array | undefined): Uint8Array {
  const name = Buffer.from(key);
  const bodyBytes = 3 + name.length + (content?.length ?? 0);
  const record = Buffer.alloc(headBytes + bodyBytes);
  record.writeUInt32LE(bodyBytes, 0);
  record.writeUInt16LE(name.length, headBytes);
  record.writeUInt8(content === undefined ? 0 : 1, headBytes + 2);
  record.set(name, headBytes + 3);
  record.set(content ?? [], headBytes + 3 + name.length);
  record.writeUInt32LE(crc32(record.subarray(headBytes)), 4);
  return record;
}

function sizeOf(key: string, content: Uint8Array | undefined): number {
  return content === undefined ? 0 : headBytes + 3 + key.length + content.length;
}

/** Up to the first record that is none, and what follows it up to the zeros. */
function readEntries(bytes: Buffer, path: string) {
  const entries = new Map<string, Uint8Array>();
  if (bytes.length === 0) return { entries, rest: bytes };
  if (!bytes.subarray(0, magic.length).equals(magic)) {
    throw new QuipuError("DATA_INVALID", `${path} is not a file of entries`, {
      next: "move it away; what it held is lost to this program",
    });
  }
  let at = magic.length;
  while (at + headBytes < bytes.length) {
    const bodyBytes = bytes.readUInt32LE(at);
    const end = at + headBytes + bodyBytes;
    if (bodyBytes < 3 || bodyBytes > recordBytesMax || end > bytes.length) break;
    const body = bytes.subarray(at + headBytes, end);
    if (crc32(body) !== bytes.readUInt32LE(at + 4)) break;
    const keyEnd = 3 + body.readUInt16LE(0);
    if (keyEnd > body.length || keyEnd > keyBytesMax) break;
    const key = body.toString("utf8", 3, keyEnd);
    if (body[2] === 1) entries.set(key, Uint8Array.from(body.subarray(keyEnd)));
    else entries.delete(key);
    at = end;
  }
  let end = bytes.length;
  while (end > at && bytes[end - 1] === 0) end -= 1;
  return { entries, rest: bytes.subarray(at, end) };
}
