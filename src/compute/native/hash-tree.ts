/**
 * The manifest of a data folder: every file's size and digests, and the Merkle root over them.
 *
 * A manifest is evidence, so what cannot be stated plainly is refused: symbolic links and special
 * files (their target may lie elsewhere), names that are not UTF-8 (they have no place in canonical
 * JSON), and a folder that changes while it is read. The folder is listed before and after the
 * files are read; both lists must agree in names, sizes, inodes and times. A write through a shared mapping
 * need not show in any of these at once.
 */
import { digestOf, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import {
  type Manifest,
  type ManifestEntry,
  manifestBytesMax,
  manifestLeaf,
  manifestSizeBytes,
} from "../../model/manifest.js";
import type { Backend } from "./binding.js";
import { changedPath, type FolderFile, hashFiles, listFolder } from "./folder-files.js";
import { type FileFacts, sameFacts } from "./hash-file.js";
import { MerkleFrontier } from "./merkle-tree.js";
import type { TaskOptions } from "./task.js";

export interface HashTreeOptions extends TaskOptions {
  readonly backend?: Backend | undefined;
}

export interface HashedTree {
  readonly manifest: Manifest;
  /** The facts under which each entry is true, in the order of the entries. */
  readonly facts: readonly FileFacts[];
  /** What `treeStamp` gives as long as no write to the folder is noted. */
  readonly stamp: string;
}

/** Hashes all files of a folder. */
export async function hashTree(folder: string, options: HashTreeOptions = {}): Promise<HashedTree> {
  const { signal } = options;
  const files = await listTree(folder, signal);
  refuseLarge(folder, files);
  const hashed = await hashFiles(folder, files, options);
  const entries = files.map((file, i) => entryOf(folder, file, hashed[i]));
  const moved = changedPath(files, await listTree(folder, signal));
  if (moved !== undefined) throw changed(folder, moved);
  const tree = new MerkleFrontier();
  await tree.appendAsync(entries.map(manifestLeaf), { signal });
  return {
    manifest: { version: "quipu.dev/manifest/v1", entries, merkleRoot: toHex(tree.root()) },
    facts: files.map(({ facts }) => facts),
    stamp: stampOf(files),
  };
}

/** Files and their facts; the first thing that has no place in a manifest is an error. */
async function listTree(
  folder: string,
  signal: AbortSignal | undefined,
): Promise<readonly FolderFile[]> {
  const { files, refused } = await listFolder(folder, { signal });
  const [first] = refused;
  // Below the folder it was there a moment ago, so its absence is a change.
  if (first?.error.code === "NOT_FOUND") throw changed(folder, first.path);
  if (first !== undefined) throw first.error;
  const odd = files.find(({ rawPath }) => rawPath !== undefined);
  if (odd?.rawPath !== undefined) {
    throw new QuipuError("DATA_INVALID", `a name in ${folder} is not UTF-8: ${odd.path}`, {
      next: "rename the file",
      details: { nameHex: odd.rawPath.toString("hex") },
    });
  }
  return files;
}

/** What nobody could read again must not be written. */
function refuseLarge(folder: string, files: readonly FolderFile[]): void {
  const sizes = files.map(({ path, facts }) => ({ path, sizeBytes: facts.sizeBytes }));
  const bytes = manifestSizeBytes(sizes);
  if (bytes <= manifestBytesMax) return;
  throw new QuipuError(
    "LIMIT_EXCEEDED",
    `the manifest of ${folder} would have ${bytes} bytes, more than ${manifestBytesMax}`,
    { next: "split it into several data sets, or pack small files together" },
  );
}

function entryOf(
  folder: string,
  { path, facts }: FolderFile,
  hashed: Awaited<ReturnType<typeof hashFiles>>[number] | undefined,
): ManifestEntry {
  if (hashed instanceof QuipuError && hashed.code !== "NOT_FOUND") throw hashed;
  if (hashed === undefined || hashed instanceof QuipuError || !sameFacts(hashed.facts, facts)) {
    throw changed(folder, path);
  }
  const { sha256, blake3 } = hashed;
  return { path, sizeBytes: facts.sizeBytes, sha256: toHex(sha256), blake3: toHex(blake3) };
}

function changed(folder: string, path: string): QuipuError {
  return new QuipuError("DATA_CHANGED", `${folder}/${path} changed while it was read`, {
    next: "stop writing to the folder and hash it again",
    details: { path },
  });
}

/**
 * Changes with every write that the system notes in the facts of a file, and costs no read of them. A write
 * through a shared mapping of a file is noted late, or not at all on some file systems.
 */
export async function treeStamp(folder: string, signal?: AbortSignal): Promise<string> {
  return stampOf(await listTree(folder, signal));
}

/** No path holds a null character. */
function stampOf(files: readonly FolderFile[]): string {
  const lines = files.map(({ path, facts }) => {
    const { device, inode, sizeBytes, modifiedNs, changedNs } = facts;
    return `${device} ${inode} ${sizeBytes} ${modifiedNs} ${changedNs} ${path}`;
  });
  return digestOf(Buffer.from(lines.join("\0")));
}
