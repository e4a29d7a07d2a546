/**
 * A folder of small files, each of which is replaced as a whole and durably: the agent's journal
 * and spool, and whatever else must survive a power cut.
 *
 * A `put` that resolved is on disk with its name. One that a crash cut short, or whose last sync
 * failed, left the old content or the new, each of them whole: put it again, or delete the name. One
 * that failed before left the old. Temporary files are removed at once, or at the next open.
 */
import {
  access,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  unlink,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { QuipuError } from "../../base/errors.js";

export interface DurableFolder {
  /** Resolves when content and name are on disk. Throws DISK_FULL; what is there then, see above. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array | undefined>;
  /** Resolves when the name is gone from disk. A name that is not there is no error. */
  delete(name: string): Promise<void>;
  /** Names in ascending order of code units. */
  names(): Promise<readonly string[]>;
}

/**
 * Temporary files begin with a dot, which no name may, so a leftover is never taken for content.
 */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;
const temporaryPattern = /^\.put-[0-9]+-[0-9]+$/;

/**
 * Makes a folder of this user's own, and its parents. Not `mkdir` with `recursive`: in a folder
 * that exists but takes no entries (such as one of /proc) Node 20 then tries for ever.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || (await exists(parent))) throw error;
    await makeFolder(parent);
    await makeFolder(path);
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export async function openDurableFolder(path: string): Promise<DurableFolder> {
  try {
    await makeFolder(path);
    const leftovers = (await readdir(path)).filter((name) => temporaryPattern.test(name));
    for (const name of leftovers) await unlink(join(path, name));
  } catch (error) {
    throw explain(error, `cannot open the folder ${path}`);
  }
  let puts = 0;
  return {
    async put(name, bytes) {
      const target = join(path, checkedName(name));
      puts += 1;
      const temporary = join(path, `.put-${process.pid}-${puts}`);
      try {
        // 1. Content under another name, on disk. A crash here leaves the old content and a
        //    leftover.
        await writeSynced(temporary, bytes);
        // 2. The new content takes the name. A crash here leaves old or new, each of them whole.
        await rename(temporary, target);
      } catch (error) {
        await removeIfThere(temporary);
        throw explain(error, `cannot write ${target}`);
      }
      // 3. The name itself on disk. Only now may anyone be told.
      await syncFolder(path);
    },
    async get(name) {
      try {
        return new Uint8Array(await readFile(join(path, checkedName(name))));
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw explain(error, `cannot read ${join(path, name)}`);
      }
    },
    async delete(name) {
      await removeIfThere(join(path, checkedName(name)));
      await syncFolder(path);
    },
    async names() {
      return (await readdir(path)).filter((name) => namePattern.test(name)).sort();
    },
  };
}

/** `flags` as the system's `open` has them; a file that is there is an error unless they say otherwise. */
export async function writeSynced(path: string, bytes: Uint8Array, flags = "wx"): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, flags, 0o600);
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file?.close();
  }
}

export async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | undefined;
  try {
    folder = await open(path, "r");
    await folder.sync();
  } catch (error) {
    throw explain(error, `cannot make the names in ${path} durable`);
  } finally {
    await folder?.close();
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw explain(error, `cannot remove ${path}`);
  }
}

export function checkedName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new QuipuError("INVALID_ARGUMENT", `not a name for a durable file: ${name.slice(0, 100)}`);
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT";
}

export function explain(error: unknown, what: string): QuipuError {
  const { code, message } = QuipuError.ofSystem(error);
  const next =
    code === "DISK_FULL" ? { next: "free space on that disk; the call can be repeated" } : {};
  return new QuipuError(code, `${what}: ${message}`, { ...next, cause: error });
}
