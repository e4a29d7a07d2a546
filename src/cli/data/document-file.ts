/** One document in one file: whole and on disk under its name, or not there. */
import {
  access,
  constants,
  lstat,
  mkdtemp,
  open,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { isWithin } from "../../base/paths.js";
import { failed } from "../hash/outcome.js";

/** Where a document goes. */
export interface DocumentPlace {
  /** Without links. */
  readonly path: string;
  /** Permissions; what the system gives to a new file unless given. */
  readonly mode?: number | undefined;
}

/**
 * The place that a document about `folder` may be written to. What would fail when the work is done fails here,
 * before it. A link leads on, and a file that is replaced keeps its permissions.
 */
export async function documentPlace(path: string, folder: string): Promise<DocumentPlace> {
  const place = await writable(path).catch((thrown: unknown) => {
    throw failed({ name: path }, thrown, "write").error;
  });
  const real = await realpath(folder).catch((thrown: unknown) => {
    throw failed({ name: folder }, thrown).error;
  });
  if (!isWithin(real, place.path)) return place;
  // The folder's manifest must not become one of its files: it would be false at once.
  throw new QuipuError("INVALID_ARGUMENT", `${path} would become a file of ${folder} itself`, {
    next: "write it to a place outside the folder",
  });
}

async function writable(given: string): Promise<DocumentPlace> {
  const path = resolve(given);
  const there = await lstat(path).catch((thrown: unknown) => {
    if (QuipuError.from(thrown).code !== "NOT_FOUND") throw thrown;
  });
  if (there === undefined) {
    const folder = await realpath(dirname(path));
    await access(folder, constants.W_OK | constants.X_OK);
    return { path: join(folder, basename(path)) };
  }
  const found = await stat(path);
  if (!found.isFile()) {
    throw new QuipuError("INVALID_ARGUMENT", `${given} is there and is no regular file`, {
      next: "name a file to write; `quipu data manifest` without --to prints the document",
    });
  }
  const real = await realpath(path);
  await access(real, constants.W_OK);
  await access(dirname(real), constants.W_OK | constants.X_OK);
  return { path: real, mode: found.mode & 0o777 };
}

/**
 * 1. The content, in a folder beside the target, on disk. A crash here leaves the old file and a
 *    `.quipu-…` folder that anyone may delete.
 * 2. The name. A crash here leaves the old file or the new, each of them whole.
 * 3. The name on disk.
 */
export async function writeDocument(place: DocumentPlace, bytes: Uint8Array): Promise<void> {
  try {
    await replace(place, bytes);
  } catch (thrown) {
    throw failed({ name: place.path }, thrown, "write").error;
  }
}

async function replace({ path, mode }: DocumentPlace, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  const draftFolder = await mkdtemp(join(folder, ".quipu-"));
  try {
    const draft = join(draftFolder, basename(path));
    await synced(draft, "wx", async (file) => {
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(bytes);
    });
    await rename(draft, path);
    await synced(folder, "r", async () => undefined);
  } finally {
    await rm(draftFolder, { recursive: true, force: true });
  }
}

async function synced(
  path: string,
  flags: string,
  work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags);
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
