/** The files of a policy set, from the paths that somebody gave: files, and folders of them. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import { isPolicyFile, policyLimits } from "../../scheduler/policy/policy-files.js";

/** File name → text. A set knows its files by name alone, so no two may share one. */
export async function readPolicyFiles(paths: readonly string[]): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const path of (await Promise.all(paths.map(filesOf))).flat()) {
    const name = basename(path);
    if (Object.hasOwn(files, name)) {
      throw new QuipuError("INVALID_ARGUMENT", `two files of the set are named ${name}`, {
        next: "rename one of them",
      });
    }
    files[name] = await readFile(path, "utf8");
  }
  if (Object.keys(files).length > 0) return files;
  throw new QuipuError("NOT_FOUND", `no policy file is in ${paths.join(", ")}`, {
    next: "give .cedar files, or a folder of them",
  });
}

async function filesOf(path: string): Promise<string[]> {
  const facts = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new QuipuError("NOT_FOUND", `${path} cannot be read: ${cause.message}`, { cause });
  });
  if (!facts.isDirectory()) {
    if (facts.size <= policyLimits.fileBytesMax) return [path];
    throw new QuipuError("LIMIT_EXCEEDED", `${path} is larger than a policy file may be`);
  }
  return (await readdir(path)).filter(isPolicyFile).map((name) => join(path, name));
}
