/**
 * The one folder in which a daemon keeps its state: made once, held by one process at a time, and
 * never opened by a version that is too old to read it.
 *
 * The hold is a file lock that the kernel drops with the process that took it, so a holder that was
 * killed never blocks the next one, and a reused process id never looks like a holder. Node has no
 * file locks of its own; SQLite's are used, on an empty file that never becomes a database.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import { QuipuError } from "../../base/errors.js";
import { makeFolder, openDurableFolder } from "./durable-folder.js";

export type StateKind = "agent" | "coordinator" | "witness";

export interface StateFolder {
  readonly path: string;
  /** Lets the next process in. Doing it twice is no error. */
  close(): Promise<void>;
}

export interface StateFolderOptions {
  readonly kind: StateKind;
  /**
   * Version of the folder's layout, counted up by each change that an older program cannot read.
   */
  readonly version: number;
}

/**
 * Keeps each lock reachable: one that the collector took would be dropped behind its holder's back.
 */
const locksHeld = new Set<Database.Database>();

const versionFile = "state.json";
const holderFile = "holder.json";

export async function openStateFolder(
  path: string,
  options: StateFolderOptions,
): Promise<StateFolder> {
  try {
    await makeFolder(path);
  } catch (error) {
    throw notWritable(path, error);
  }
  const release = await hold(path);
  try {
    await checkVersion(path, options);
    const folder = await openDurableFolder(path);
    await folder.put(versionFile, json({ kind: options.kind, version: options.version }));
    await folder.put(holderFile, json({ pid: process.pid }));
  } catch (error) {
    release();
    const known = QuipuError.from(error);
    throw known.code === "PERMISSION_DENIED" ? notWritable(path, error) : known;
  }
  return {
    path,
    async close() {
      release();
    },
  };
}

/** Takes the lock or says who has it; answers with how to let go. */
async function hold(path: string): Promise<() => void> {
  let lock: Database.Database | undefined;
  try {
    lock = new Database(join(path, "lock"));
    lock.exec("PRAGMA locking_mode = EXCLUSIVE");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock?.close();
    if ((error as { code?: unknown }).code !== "SQLITE_BUSY") throw notWritable(path, error);
    const pid = await holderPid(path);
    const who = pid === undefined ? "another process" : `process ${pid}`;
    throw new QuipuError("STATE_LOCKED", `${path} is in use by ${who}`, {
      next: "stop that process, or give this one a state folder of its own",
      cause: error,
    });
  }
  const held = lock;
  locksHeld.add(held);
  return () => {
    if (locksHeld.delete(held)) held.close();
  };
}

/**
 * The process that holds a state folder now; undefined when none does, or there is no such folder.
 */
export async function stateFolderHolder(path: string): Promise<number | undefined> {
  let probe: Database.Database | undefined;
  try {
    probe = new Database(join(path, "lock"), { fileMustExist: true });
    probe.exec("BEGIN EXCLUSIVE; ROLLBACK");
    return undefined;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== "SQLITE_BUSY") return undefined; // no lock file: nobody was ever here
    return await holderPid(path);
  } finally {
    probe?.close();
  }
}

/** Undefined when the holder took the lock a moment ago and has not signed yet. */
async function holderPid(path: string): Promise<number | undefined> {
  try {
    const { pid } = JSON.parse(await readFile(join(path, holderFile), "utf8")) as { pid?: unknown };
    return typeof pid === "number" ? pid : undefined;
  } catch {
    return undefined;
  }
}

async function checkVersion(path: string, options: StateFolderOptions): Promise<void> {
  const found = await readVersion(join(path, versionFile));
  if (found === undefined) return;
  if (found.kind !== options.kind) {
    throw new QuipuError("CONFLICT", `${path} holds the state of a ${found.kind}`, {
      next: `give the ${options.kind} a folder of its own`,
    });
  }
  if (found.version > options.version) {
    throw new QuipuError(
      "STATE_NEWER",
      `${path} was written by a newer program: layout ${found.version}, not ${options.version}`,
      { next: "run the newer program, or start from another folder" },
    );
  }
}

async function readVersion(path: string): Promise<{ kind: string; version: number } | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { kind, version } = JSON.parse(text) as { kind: unknown; version: unknown };
    if (typeof kind === "string" && typeof version === "number") return { kind, version };
  } catch (error) {
    throw unreadable(path, error);
  }
  throw unreadable(path, undefined);
}

function unreadable(path: string, cause: unknown): QuipuError {
  return new QuipuError("STATE_NEWER", `${path} is not a version file that this program knows`, {
    next: "choose an empty folder, or restore this one from a copy",
    cause,
  });
}

function notWritable(path: string, cause: unknown): QuipuError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new QuipuError("STATE_NOT_WRITABLE", `cannot keep state in ${path}: ${why}`, {
    next: "make the folder writable for this user, or choose another with --state",
    cause,
  });
}

function json(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}
