/**
 * One blob being written: appended, hashed on the way, and kept only under the digest it turns out to
 * have. Fresh blobs and resumed downloads are written by this same code.
 */
import { constants } from "node:fs";
import { chmod, type FileHandle, open, unlink } from "node:fs/promises";
import { type Digest, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { Hasher } from "../../base/hasher.js";
import { explain } from "./disk.js";

/** What is known of bytes that were written or read in full. */
export interface BlobFacts {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits, where the store was given a BLAKE3. */
  readonly blake3?: string;
}

export interface BlobHashers {
  readonly sha256: () => Hasher;
  readonly blake3?: () => Hasher;
}

const readBytes = 256 * 1024;

export class BlobFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #hash: BlobHash;

  private constructor(path: string, handle: FileHandle, hash: BlobHash) {
    this.path = path;
    this.#handle = handle;
    this.#hash = hash;
  }

  /** A file that does not exist yet. */
  static async create(path: string, hashers: BlobHashers): Promise<BlobFile> {
    try {
      return new BlobFile(path, await open(path, "wx", 0o600), new BlobHash(hashers));
    } catch (error) {
      throw explain(error, `cannot create ${path}`);
    }
  }

  /** A file that may hold the start of the blob; what it holds is hashed first. */
  static async resume(path: string, hashers: BlobHashers): Promise<BlobFile> {
    try {
      const handle = await openToResume(path);
      const hash = new BlobHash(hashers);
      try {
        await hash.read(handle);
      } catch (error) {
        await handle.close();
        throw error;
      }
      return new BlobFile(path, handle, hash);
    } catch (error) {
      throw explain(error, `cannot open ${path}`);
    }
  }

  get sizeBytes(): number {
    return this.#hash.sizeBytes;
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const position = this.#hash.sizeBytes + at;
        const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, position);
        at += bytesWritten;
      }
    } catch (error) {
      throw explain(error, `cannot write ${this.path}`);
    }
    this.#hash.update(bytes);
  }

  /** Back to no bytes. */
  async restart(): Promise<void> {
    try {
      await this.#handle.truncate(0);
    } catch (error) {
      throw explain(error, `cannot write ${this.path}`);
    }
    this.#hash.restart();
  }

  /**
   * Ends the writing: content on disk, read-only, still under its own path. A crash here leaves a
   * leftover. When this throws, the file is gone.
   */
  async seal(expected: Digest | undefined): Promise<BlobFacts> {
    const facts = this.#hash.facts();
    if (expected !== undefined && facts.digest !== expected) {
      await this.discard();
      throw mismatch(expected, facts);
    }
    try {
      await this.#handle.chmod(0o440);
      await this.#handle.sync();
    } catch (error) {
      await this.discard();
      throw explain(error, `cannot keep ${facts.digest}`);
    }
    await this.#handle.close();
    return facts;
  }

  /** Keeps the bytes for a later `resume`. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await unlink(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw explain(error, `cannot remove ${this.path}`);
    });
  }
}

/** A file that was sealed, and not named before a crash or an error, is read-only already. */
async function openToResume(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  try {
    return await open(path, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    await chmod(path, 0o600);
    return await open(path, flags, 0o600);
  }
}

/** Both digests over the same bytes. */
export class BlobHash {
  readonly #hashers: BlobHashers;
  #sha256!: Hasher;
  #blake3: Hasher | undefined;
  #sizeBytes = 0;

  constructor(hashers: BlobHashers) {
    this.#hashers = hashers;
    this.restart();
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  restart(): void {
    this.#sha256 = this.#hashers.sha256();
    this.#blake3 = this.#hashers.blake3?.();
    this.#sizeBytes = 0;
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#blake3?.update(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** Everything that a file holds. */
  async read(handle: FileHandle): Promise<void> {
    const buffer = new Uint8Array(readBytes);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.#sizeBytes);
      if (bytesRead === 0) return;
      this.update(buffer.subarray(0, bytesRead));
    }
  }

  facts(): BlobFacts {
    const digest: Digest = `sha256:${toHex(this.#sha256.digest())}`;
    const blake3 = this.#blake3 === undefined ? {} : { blake3: toHex(this.#blake3.digest()) };
    return { digest, sizeBytes: this.#sizeBytes, ...blake3 };
  }
}

/** Hashes a finished file, makes it read-only and its content durable. */
export async function sealFile(path: string, hashers: BlobHashers): Promise<BlobFacts> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const before = await handle.stat({ bigint: true });
      if (!before.isFile()) throw new QuipuError("DATA_INVALID", `${path} is not a plain file`);
      const hash = new BlobHash(hashers);
      await hash.read(handle);
      const after = await handle.stat({ bigint: true });
      if (before.mtimeNs !== after.mtimeNs || after.size !== BigInt(hash.sizeBytes)) {
        const next = "wait until whoever writes it is done, then try again";
        throw new QuipuError("DATA_CHANGED", `${path} changed while it was read`, { next });
      }
      await handle.chmod(0o440);
      await handle.sync();
      return hash.facts();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explain(error, `cannot take in ${path}`);
  }
}

export function mismatch(expected: Digest, facts: BlobFacts): QuipuError {
  const text = `the ${facts.sizeBytes} bytes received are ${facts.digest}, not ${expected}`;
  return new QuipuError("DIGEST_MISMATCH", text, {
    next: "the source holds damaged or other bytes: fetch from another source, or store it again",
    details: { expected, actual: facts.digest, sizeBytes: facts.sizeBytes },
  });
}
