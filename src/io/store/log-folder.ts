/**
 * A log in a folder of a local disk:
 *
 *   public/checkpoint, public/tile/...   what any static web server can host
 *   public/cosigned                      the newest checkpoint that enough witnesses have cosigned
 *   commits/000000000042                 committed checkpoints, the highest number counts
 *   stage/SIZE-ROOT                      what the commit of that name must publish
 *   drafts/                              half-written files; emptied at start
 *
 * Every write is draft, fsync, rename or link, fsync of the folder; so a name either is not there or
 * has all its bytes, and a promise that has resolved survives power loss.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rename, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { equalBytes } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type LogStore, notePaths, type StageName } from "../../proof/tlog/store.js";
import { isTilePath, type TileReader } from "../../proof/tlog/tile.js";
import { logConflict, rewritten } from "./log-errors.js";

export class LogFolder implements LogStore {
  /** The part that readers may see. */
  readonly publicFolder: string;
  readonly #folder: string;
  readonly #published: TileReader;
  /** Folders that this process has seen made durable, or is about to. */
  readonly #made = new Map<string, Promise<void>>();
  readonly #syncs = new FolderSyncs();
  readonly #commits: string;
  readonly #stages: string;
  readonly #drafts: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.publicFolder = join(folder, "public");
    this.#published = publishedFiles(this.publicFolder);
    this.#commits = join(folder, "commits");
    this.#stages = join(folder, "stage");
    this.#drafts = join(folder, "drafts");
  }

  static open(folder: string): Promise<LogFolder> {
    return system(async () => {
      const log = new LogFolder(folder);
      await rm(log.#drafts, { recursive: true, force: true });
      for (const part of [log.publicFolder, log.#commits, log.#stages, log.#drafts]) {
        await log.#makeFolder(part);
      }
      return log;
    });
  }

  /** What a commit wrote before a crash or an error need not have been durable; what this tells is. */
  async committed(): Promise<string | undefined> {
    await system(() => syncFolder(this.#commits));
    return (await this.#newestCommit())?.note;
  }

  compareAndSwap(expected: string | undefined, next: string): Promise<void> {
    return system(async () => {
      const newest = await this.#newestCommit();
      if (newest?.note !== expected) throw logConflict();
      const number = (newest?.number ?? 0) + 1;
      const draft = await this.#draft(new TextEncoder().encode(next));
      try {
        // Fails when the name is taken: of two writers that saw the same head one commits.
        await link(draft, join(this.#commits, commitName(number)));
      } catch (thrown) {
        throw errnoOf(thrown) === "EEXIST" ? logConflict() : thrown;
      } finally {
        await unlink(draft);
      }
      await syncFolder(this.#commits);
      // A writer that slept through several commits may find its number free again: it has lost.
      const numbers = await this.#commitNumbers();
      if (numbers.some((other) => other > number)) {
        await rm(join(this.#commits, commitName(number)), { force: true });
        throw logConflict();
      }
      const old = numbers.filter((other) => other < number - 1);
      for (const other of old) await unlink(join(this.#commits, commitName(other)));
    });
  }

  stage(name: StageName, content: Uint8Array): Promise<void> {
    return system(() => this.#replace(join(this.#stages, stageName(name)), content));
  }

  staged(name: StageName): Promise<Uint8Array | undefined> {
    return system(() => readIfThere(join(this.#stages, stageName(name))));
  }

  dropStages(sizeMax: number): Promise<void> {
    return system(async () => {
      for (const name of await readdir(this.#stages)) {
        const path = join(this.#stages, name);
        if (Number.parseInt(name, 10) <= sizeMax) await unlink(path);
      }
    });
  }

  publish(path: string, content: Uint8Array): Promise<void> {
    if (!isTilePath(path)) {
      throw new QuipuError("INVALID_ARGUMENT", `${path} is not a path of a tile`);
    }
    return system(async () => {
      const target = join(this.publicFolder, path);
      await this.#makeFolder(dirname(target));
      const draft = await this.#draft(content);
      try {
        await link(draft, target);
      } catch (thrown) {
        if (errnoOf(thrown) !== "EEXIST") throw thrown;
        const published = await readIfThere(target);
        if (published === undefined || !equalBytes(published, content)) throw rewritten(path);
        await syncFile(target); // published before a crash that may have come before its fsync
      } finally {
        await unlink(draft);
      }
      await this.#syncs.sync(dirname(target));
    });
  }

  dropPartials(path: string): Promise<void> {
    const folder = join(this.publicFolder, `${path}.p`);
    this.#made.delete(folder);
    return system(() => rm(folder, { recursive: true, force: true }));
  }

  publishCheckpoint(note: string): Promise<void> {
    return this.#replaceNote("checkpoint", note);
  }

  publishCosigned(note: string): Promise<void> {
    return this.#replaceNote("cosigned", note);
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return this.#published(path);
  }

  /** Parents first: of one that was there before a crash the name need not be durable. */
  #makeFolder(path: string): Promise<void> {
    const known = this.#made.get(path);
    if (known !== undefined) return known;
    const parent = path === this.#folder ? Promise.resolve() : this.#makeFolder(dirname(path));
    const made = parent.then(() => makeFolder(path));
    this.#made.set(path, made);
    made.catch(() => this.#made.delete(path));
    return made;
  }

  async #newestCommit(): Promise<{ number: number; note: string } | undefined> {
    const number = Math.max(0, ...(await this.#commitNumbers()));
    if (number === 0) return undefined;
    const note = await readFile(join(this.#commits, commitName(number)), "utf8");
    return { number, note };
  }

  async #commitNumbers(): Promise<number[]> {
    const names = await system(() => readdir(this.#commits));
    return names.filter((name) => /^[0-9]{12}$/.test(name)).map(Number);
  }

  #replaceNote(name: string, note: string): Promise<void> {
    const content = new TextEncoder().encode(note);
    return system(() => this.#replace(join(this.publicFolder, name), content));
  }

  async #replace(path: string, content: Uint8Array): Promise<void> {
    await rename(await this.#draft(content), path);
    await syncFolder(dirname(path));
  }

  /** A durable file of its own with this content. */
  async #draft(content: Uint8Array): Promise<string> {
    const path = join(this.#drafts, randomUUID());
    const file = await open(path, "wx", 0o644);
    try {
      await file.writeFile(content);
      await file.datasync();
    } catch (thrown) {
      await rm(path, { force: true }); // a full disk must not stay full of drafts
      throw thrown;
    } finally {
      await file.close();
    }
    return path;
  }
}

/** The files of a log that a web server could serve out of this folder. Changes nothing there. */
export function publishedFiles(folder: string): TileReader {
  return (path) => {
    if (!notePaths.includes(path) && !isTilePath(path)) return Promise.resolve(undefined);
    return system(() => readIfThere(join(folder, path)));
  };
}

function commitName(number: number): string {
  return String(number).padStart(12, "0");
}

function stageName({ size, root }: StageName): string {
  return `${String(size).padStart(16, "0")}-${root}`;
}

/** Makes a folder and whatever parents it lacks, each name durable, that of one that was there as well. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (thrown) {
    const parent = dirname(path);
    if (errnoOf(thrown) === "ENOENT" && parent !== path) {
      await makeFolder(parent);
      return await makeFolder(path);
    }
    if (errnoOf(thrown) !== "EEXIST") throw thrown;
  }
  await syncFolder(dirname(path));
}

/** Those who wait for one folder at once share a sync that begins after all of them came. */
class FolderSyncs {
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  sync(path: string): Promise<void> {
    const running = this.#running.get(path);
    if (running === undefined) return this.#start(path);
    const known = this.#next.get(path);
    if (known !== undefined) return known;
    const next = running.then(
      () => this.#start(path),
      () => this.#start(path),
    );
    this.#next.set(path, next);
    return next;
  }

  #start(path: string): Promise<void> {
    this.#next.delete(path);
    const running = syncFolder(path).finally(() => this.#running.delete(path));
    this.#running.set(path, running);
    return running;
  }
}

async function syncFolder(path: string): Promise<void> {
  await syncFile(path);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (thrown) {
    const missing = ["ENOENT", "ENOTDIR"].includes(errnoOf(thrown) ?? "");
    if (missing) return undefined;
    throw thrown;
  }
}

function errnoOf(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException).code;
}

/** Turns what the system throws into an error with a code. */
async function system<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (thrown) {
    throw QuipuError.from(thrown);
  }
}
