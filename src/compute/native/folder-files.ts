/**
 * The files of a folder, and the digests of many of them. Nothing outside the folder is ever opened: links
 * are not followed, also not one that takes the place of a folder meanwhile.
 */
import { QuipuError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { type Backend, binding } from "./binding.js";
import { algorithmBits, type FileFacts, factsAt, sameFacts } from "./hash-file.js";
import type { HashAlgorithm } from "./hash-options.js";
import { runTask, type TaskOptions } from "./task.js";

export interface FolderFile {
  /** Relative to the folder, `/` between parts. */
  readonly path: string;
  /** The same as bytes, where it is not UTF-8; `path` is then for people only. */
  readonly rawPath?: Buffer;
  readonly facts: FileFacts;
}

export interface RefusedEntry extends Pick<FolderFile, "path" | "rawPath"> {
  readonly kind: Exclude<(typeof kinds)[number], "file">;
  readonly error: QuipuError;
}

export interface FolderListing {
  /** In the order of the bytes of their paths, as every tool in every locale would. */
  readonly files: readonly FolderFile[];
  /** What is no regular file, and what cannot be read, in the same order. */
  readonly refused: readonly RefusedEntry[];
}

const depthMax = 64;
const kinds = ["file", "link", "special", "unreadable"] as const;

/** Everything under a folder. LIMIT_EXCEEDED past a million entries or 64 folders one in another. */
export async function listFolder(
  folder: string | Uint8Array,
  { signal }: Pick<TaskOptions, "signal"> = {},
): Promise<FolderListing> {
  const found = await runTask({ signal }, 0, "listing a folder", (control) =>
    binding().listFolder(folder, limits.filesPerDataSetMax, depthMax, control),
  );
  const paths = splitPaths(found.paths);
  const problems = new Map(found.failures.map(({ index, error }) => [index, error]));
  const files: FolderFile[] = [];
  const refused: RefusedEntry[] = [];
  paths.forEach((named, index) => {
    const kind = kinds[found.kinds[index] ?? 2] ?? "special";
    if (kind === "file") {
      files.push({ ...named, facts: factsAt(found.facts, index) });
    } else {
      const what = kind === "link" ? "a symbolic link" : "a pipe, socket or device";
      const error = problems.get(index) ?? notAFile(folder, named.path, what);
      refused.push({ ...named, kind, error });
    }
  });
  return { files, refused };
}

/** Names ended by zero bytes; they need not be UTF-8. */
function splitPaths(bytes: Uint8Array): Pick<FolderFile, "path" | "rawPath">[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = all.toString("utf8");
  if (Buffer.from(text, "utf8").equals(all)) {
    return text
      .split("\0")
      .slice(0, -1)
      .map((path) => ({ path }));
  }
  const paths: Pick<FolderFile, "path" | "rawPath">[] = [];
  for (let at = 0; at < all.length; ) {
    const end = all.indexOf(0, at);
    const rawPath = all.subarray(at, end);
    const path = rawPath.toString("utf8");
    paths.push(Buffer.from(path, "utf8").equals(rawPath) ? { path } : { path, rawPath });
    at = end + 1;
  }
  return paths;
}

/** The first path that two listings of a folder tell apart, where all names are UTF-8. */
export function changedPath(
  before: readonly FolderFile[],
  after: readonly FolderFile[],
): string | undefined {
  const now = new Map(after.map(({ path, facts }) => [path, facts]));
  for (const { path, facts } of before) {
    const found = now.get(path);
    if (found === undefined || !sameFacts(found, facts)) return path;
    now.delete(path);
  }
  const [added] = now.keys();
  return added;
}

function notAFile(folder: string | Uint8Array, path: string, what: string): QuipuError {
  return new QuipuError(
    "DATA_INVALID",
    `${inFolder(folder, path)} is ${what}, not a regular file`,
    {
      next: "remove it from the folder or put the file itself in its place",
      details: { path },
    },
  );
}

function inFolder(folder: string | Uint8Array, path: string): string {
  return `${Buffer.from(folder as Uint8Array)}/${path}`;
}

export interface HashedFile {
  readonly facts: FileFacts;
  /** Raw digests; empty when not asked for. */
  readonly sha256: Uint8Array;
  readonly blake3: Uint8Array;
}

export interface HashFilesOptions extends TaskOptions {
  readonly algorithms?: readonly HashAlgorithm[];
  readonly backend?: Backend | undefined;
}

/** Hashes files of one folder, many at once. A file that fails leaves the others be. */
export async function hashFiles(
  folder: string | Uint8Array,
  files: readonly FolderFile[],
  { algorithms, backend, ...options }: HashFilesOptions = {},
): Promise<readonly (HashedFile | QuipuError)[]> {
  const totalBytes = files.reduce((sum, { facts }) => sum + facts.sizeBytes, 0);
  const paths = Buffer.concat(
    files.flatMap(({ path, rawPath }) => [rawPath ?? Buffer.from(path, "utf8"), zero]),
  );
  const found = await runTask(options, totalBytes, "hashing a folder", (control) =>
    binding().hashFiles(folder, paths, algorithmBits(algorithms), backend, control),
  );
  const failures = new Map(found.failures.map(({ index, error }) => [index, error]));
  const digest = (all: Uint8Array, index: number): Uint8Array =>
    all.subarray(index * 32, (index + 1) * 32);
  return files.map((_, index) => {
    const failure = failures.get(index);
    if (failure !== undefined) return failure;
    return {
      facts: factsAt(found.facts, index),
      sha256: digest(found.sha256, index),
      blake3: digest(found.blake3, index),
    };
  });
}

const zero = Buffer.of(0);
