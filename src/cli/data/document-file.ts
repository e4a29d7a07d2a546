/** One document in one file: whole and on disk under its name, or not there. */
import { mkdtemp, open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { failed } from "../hash/outcome.js";

/**
 * 1. The content, in a folder beside the target, on disk. A crash here leaves the old file and a
 *    `.quipu-…` folder that anyone may delete.
 * 2. The name. A crash here leaves the old file or the new, each of them whole.
 * 3. The name on disk.
 */
export async function writeDocument(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  const draftFolder = await mkdtemp(join(folder, ".quipu-"));
  try {
    const draft = join(draftFolder, basename(path));
    await synced(draft, "wx", (file) => file.writeFile(bytes));
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

/** A folder's manifest must not become one of its files: it would be false at once. */
export async function refuseInside(folder: string, path: string): Promise<void> {
  const real = await withoutLinks(folder);
  const target = await withoutLinks(dirname(resolve(path)));
  if (target !== real && !target.startsWith(real === sep ? sep : real + sep)) return;
  throw new QuipuError("INVALID_ARGUMENT", `${path} would become a file of ${folder} itself`, {
    next: "write it to a place outside the folder",
  });
}

function withoutLinks(path: string): Promise<string> {
  return realpath(path).catch((thrown: unknown) => {
    throw failed({ name: path }, thrown).error;
  });
}
