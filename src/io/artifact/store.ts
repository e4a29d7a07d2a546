/**
 * Blobs on disk, named by their SHA-256:
 *
 *   sha256/ab/abcdef…   whole blobs, read-only, never changed
 *   partial/abcdef…     downloads that stopped half-way, kept to be resumed
 *   temporary/…/        blobs being written, a folder for each opener; emptied at open
 *
 * Frozen: these names. One process opens a folder at a time (its state folder's lock sees to that),
 * unless all that do say that it is shared: then what others are writing is left alone for a day.
 * `put` resolves when content and name would survive a power cut; one that failed left nothing.
 */
import { constants } from "node:fs";
import { mkdir, mkdtemp, open, readdir, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type Digest, hexOf, isDigest, parseDigest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { sha256Hasher } from "../../base/hasher.js";
import { abortError, eachUntilAbort } from "../../base/until-abort.js";
import {
  type BlobFacts,
  BlobFile,
  BlobHash,
  type BlobHashers,
  mismatch,
  sealFile,
} from "./blob-file.js";
import { explain, nameDurably } from "./disk.js";
import { Downloads, type Partial } from "./downloads.js";
import { artifactLimits, type SizeLimit, sizeLimit } from "./size-limit.js";

export interface ArtifactStoreOptions {
  /** Other processes open this folder too. */
  readonly isShared?: boolean;
  readonly storeBytesMax?: number;
  readonly hashers?: BlobHashers;
}

export interface PutOptions {
  readonly expected?: Digest;
  readonly sizeBytesMax?: number;
  readonly signal?: AbortSignal;
}

/** Half open: `start` is the first byte, `end` the one after the last. */
export interface ByteRange {
  readonly start?: number;
  readonly end?: number;
}

export interface ArtifactStat {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** What nobody has written to for so long is no upload any more. */
const abandonedMs = 24 * 3_600_000;

const noFollow = constants.O_RDONLY | constants.O_NOFOLLOW;

export type ByteSource = AsyncIterable<Uint8Array>;

export async function openArtifactStore(
  folder: string,
  options: ArtifactStoreOptions = {},
): Promise<ArtifactStore> {
  const temporary = join(folder, "temporary");
  let ownTemporary: string;
  try {
    await sweepTemporary(temporary, options.isShared === true ? abandonedMs : 0);
    for (const part of ["sha256", "partial", "temporary"]) {
      await mkdir(join(folder, part), { recursive: true, mode: 0o700 });
    }
    ownTemporary = await mkdtemp(join(temporary, "put-"));
  } catch (error) {
    throw explain(error, `cannot open the artifact store ${folder}`);
  }
  const store = new ArtifactStore(folder, ownTemporary, options);
  await store.recover(Date.now());
  return store;
}

async function sweepTemporary(folder: string, olderThanMs: number): Promise<void> {
  if (olderThanMs === 0) {
    await rm(folder, { recursive: true, force: true });
    return;
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined); // gone: another has swept it
    if (found !== undefined && found.mtimeMs < Date.now() - olderThanMs) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

export class ArtifactStore {
  readonly #folder: string;
  readonly #hashers: BlobHashers;
  readonly #storeBytesMax: number;
  readonly #downloads: Downloads;
  #storedBytes = 0;
  #turn: Promise<void> = Promise.resolve();
  readonly #temporary: string;
  #temporaries = 0;

  constructor(folder: string, temporary: string, options: ArtifactStoreOptions) {
    this.#folder = folder;
    this.#temporary = temporary;
    this.#hashers = options.hashers ?? { sha256: sha256Hasher };
    this.#downloads = new Downloads(join(folder, "partial"), this.#hashers, (path, facts) =>
      this.#name(path, facts),
    );
    this.#storeBytesMax = options.storeBytesMax ?? artifactLimits.storeBytesMax;
  }

  /** All whole blobs together. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** Where a blob lies, whether or not it is there. Readers must not write to it. */
  pathOf(digest: Digest): string {
    const hex = hexOf(parseDigest(digest));
    return join(this.#folder, "sha256", hex.slice(0, 2), hex);
  }

  async stat(digest: Digest): Promise<ArtifactStat | undefined> {
    const path = this.pathOf(digest);
    try {
      const { size } = await stat(path);
      return { digest, sizeBytes: size };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw explain(error, `cannot read ${path}`);
    }
  }

  /** In the order of their digests. */
  async *list(): AsyncGenerator<ArtifactStat> {
    const root = join(this.#folder, "sha256");
    for (const part of (await readdir(root)).sort()) {
      for (const hex of (await readdir(join(root, part))).sort()) {
        const digest = `sha256:${hex}`;
        const found = isDigest(digest) ? await this.stat(digest) : undefined;
        if (found !== undefined) yield found;
      }
    }
  }

  /** Bytes `start` to `end`; NOT_FOUND for an unknown blob. */
  async open(
    digest: Digest,
    range: ByteRange = {},
  ): Promise<{ stream: Readable; sizeBytes: number }> {
    const path = this.pathOf(digest);
    const handle = await open(path, noFollow).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") throw notHere(digest);
      throw explain(error, `cannot read ${path}`);
    });
    const { size } = await handle.stat();
    const { start = 0, end = size } = range;
    if (!(Number.isSafeInteger(start) && start >= 0 && start <= end && end <= size)) {
      await handle.close();
      const text = `bytes ${start} to ${end} are not within the ${size} bytes of ${digest}`;
      throw new QuipuError("INVALID_ARGUMENT", text, { details: { sizeBytes: size } });
    }
    // Node's `end` is inclusive, and cannot say "nothing".
    if (start === end) {
      await handle.close();
      return { stream: Readable.from([]), sizeBytes: size };
    }
    const stream = handle.createReadStream({ start, end: end - 1, highWaterMark: 256 * 1024 });
    return { stream, sizeBytes: size };
  }

  async put(source: ByteSource, options: PutOptions = {}): Promise<BlobFacts> {
    this.#temporaries += 1;
    const path = join(this.#temporary, `${this.#temporaries}`);
    const file = await BlobFile.create(path, this.#hashers);
    const { signal } = options;
    try {
      const check = this.#limit(options);
      for await (const bytes of signal === undefined ? source : eachUntilAbort(source, signal)) {
        check(file.sizeBytes + bytes.length);
        await file.append(bytes);
      }
    } catch (error) {
      await file.discard();
      if (signal?.aborted === true) throw abortError(signal, "storing an artifact");
      throw explain(error, "cannot store an artifact");
    }
    const facts = await file.seal(options.expected);
    try {
      await this.#name(path, facts);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    return facts;
  }

  /** Bytes that a caller has in memory. Those that are here already cost no more than their digest. */
  async keep(bytes: Uint8Array, options: PutOptions = {}): Promise<BlobFacts> {
    const hash = new BlobHash(this.#hashers);
    hash.update(bytes);
    const facts = hash.facts();
    // Asked in turn, so that a name which is being made durable just now has been.
    const there = await this.#alone(() => this.stat(facts.digest));
    if (there?.sizeBytes === bytes.length) {
      if (options.expected === undefined || options.expected === facts.digest) return facts;
    }
    return await this.put(once(bytes), options);
  }

  /**
   * Takes in a file that was written elsewhere: moved when it is on this disk, else copied and removed.
   * Whoever wrote it must be done; a file that changes while it is read is refused.
   */
  async adopt(path: string, options: PutOptions = {}): Promise<BlobFacts> {
    const facts = await sealFile(path, this.#hashers);
    if (options.expected !== undefined && facts.digest !== options.expected) {
      throw mismatch(options.expected, facts);
    }
    this.#limit(options)(facts.sizeBytes);
    try {
      await this.#name(path, facts);
    } catch (error) {
      const { cause } = error as QuipuError;
      if ((cause as NodeJS.ErrnoException | undefined)?.code !== "EXDEV") throw error;
      const handle = await open(path, noFollow);
      await this.put(handle.createReadStream(), { ...options, expected: facts.digest });
      await unlink(path);
    }
    return facts;
  }

  /** False when it was not there. */
  remove(digest: Digest): Promise<boolean> {
    return this.#alone(async () => {
      const found = await this.stat(digest);
      if (found === undefined) return false;
      await rm(this.pathOf(digest), { force: true });
      this.#storedBytes -= found.sizeBytes;
      return true;
    });
  }

  /** See `Downloads.run`. */
  download(
    digest: Digest,
    options: PutOptions,
    work: (partial: Partial) => Promise<void>,
  ): Promise<BlobFacts> {
    return this.#downloads.run(digest, options.signal, this.#limit(options), work);
  }

  /** Counts what is there; sweeps downloads that nobody resumed. */
  async recover(nowMs: number): Promise<void> {
    await this.recount();
    await this.#downloads.sweep(nowMs);
  }

  /** Others may have stored something. */
  recount(): Promise<void> {
    return this.#alone(async () => {
      this.#storedBytes = 0;
      for await (const { sizeBytes } of this.list()) this.#storedBytes += sizeBytes;
    });
  }

  /** The last step of every way in: content is on disk, now its name. */
  #name(path: string, facts: BlobFacts): Promise<void> {
    return this.#alone(async () => {
      const there = await this.stat(facts.digest);
      try {
        // A crash before this leaves a leftover, after it the blob. A blob that is there already is
        // replaced by the same bytes, which also heals one that rotted.
        await nameDurably(path, this.pathOf(facts.digest));
      } catch (error) {
        throw explain(error, `cannot keep ${facts.digest}`);
      }
      this.#storedBytes += facts.sizeBytes - (there?.sizeBytes ?? 0);
    });
  }

  #limit(options: PutOptions): SizeLimit {
    const blobBytesMax = options.sizeBytesMax ?? artifactLimits.blobBytesMax;
    return sizeLimit(blobBytesMax, () => this.#storeBytesMax - this.#storedBytes);
  }

  /** One at a time: the count of stored bytes goes with the names. */
  #alone<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.then(
      () => undefined,
      () => undefined, // told to whoever waits for `result`
    );
    return result;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function notHere(digest: Digest): QuipuError {
  return new QuipuError("NOT_FOUND", `no artifact ${digest} is here`, {
    next: "list those that are: `quipu artifact ls`",
    details: { digest },
  });
}
