/** What the disk says, in the words of the house; and the sync that makes a name durable. */
import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { QuipuError } from "../../base/errors.js";

export function explain(error: unknown, what: string): QuipuError {
  if (error instanceof QuipuError) return error;
  const { code, message } = QuipuError.ofSystem(error);
  if (code === "DISK_FULL") {
    const next = "free some space on that disk, then try again";
    return new QuipuError(code, `${what}: the disk is full`, { next, cause: error });
  }
  return new QuipuError(code, `${what}: ${message}`, { cause: error });
}

/** Renames, and makes the new name (and that of its folder) survive a power cut. */
export async function nameDurably(from: string, to: string): Promise<void> {
  const folder = dirname(to);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  await rename(from, to);
  await syncFolder(folder);
  if (made !== undefined) await syncFolder(dirname(folder));
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
