/** Files that data comes from: where they really lie, and what is wrong with them, in one form. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { isWithin } from "../../base/paths.js";

/** A link in the data folder may point at its own files only: what lies outside is not its data. */
export async function insideFolder(dataFolder: string, file: string): Promise<string> {
  try {
    const folder = await realpath(dataFolder);
    const path = await realpath(join(folder, file));
    if (isWithin(folder, path)) return path;
  } catch (error) {
    throw fileError(error, file);
  }
  throw invalidFile(file, "leads out of the data folder", "put the file itself into the folder");
}

/** What reading `file` came to. */
export function fileError(error: unknown, file: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof QuipuError || code === "ABORT_ERR") return error;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new QuipuError("DATA_INVALID", `the data folder has no file ${file}`, {
      next: "check the file's name in the job, or the data set that the job names",
      details: { file },
      cause: error,
    });
  }
  if (code === "EISDIR") return invalidFile(file, "is a folder, not a file of numbers");
  if (code?.startsWith("Z_") || code === "ERR_BUFFER_TOO_LARGE") {
    const why = `is not readable gzip: ${String(code)}`;
    return invalidFile(file, why, "compress the file again", error);
  }
  return QuipuError.from(error);
}

export function invalidFile(
  file: string,
  why: string,
  next = "save it again, or name another file",
  cause?: unknown,
): QuipuError {
  return new QuipuError("DATA_INVALID", `${file} ${why}`, {
    next,
    ...(cause === undefined ? {} : { cause }),
    details: { file },
  });
}
