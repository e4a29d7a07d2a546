/** A folder beside its manifest: what differs, found with as little reading as is safe. */
import { toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import {
  changedPath,
  type FolderFile,
  type FolderListing,
  type HashedFile,
  hashFiles,
  listFolder,
} from "../../compute/native/folder-files.js";
import { sameFacts } from "../../compute/native/hash-file.js";
import type { FileFacts } from "../../compute/native/hashing.js";
import type { Manifest, ManifestEntry } from "../../model/manifest.js";
import type { RecordedFacts } from "./kept-data-set.js";

/**
 * A file that is written again within a tick of its file system's clock keeps its times. So what was
 * written shortly before its facts were recorded is read again, as git does it with its index. The
 * coarsest clock in use is FAT's.
 */
const clockTickNs = 2_000_000_000n;

/** In the order in which people are told. Of what is unreadable nobody knows what it holds. */
export const differenceKinds = ["changed", "missing", "added", "unreadable"] as const;

export interface Difference {
  readonly kind: (typeof differenceKinds)[number];
  readonly path: string;
  readonly why: string;
}

export interface Comparison {
  /** None: the folder is what its manifest says. */
  readonly differences: readonly Difference[];
  /** The others were skipped: nothing has been written to them since their facts were recorded. */
  readonly readFiles: number;
  readonly readBytes: number;
  /** In the order of the manifest's entries; meaningful when there is no difference. */
  readonly facts: readonly FileFacts[];
}

export interface CompareOptions {
  /** Facts of this folder under this manifest. Without them every file is read. */
  readonly recorded?: Pick<RecordedFacts, "recordedNs" | "files"> | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/** DATA_CHANGED when the folder is written to meanwhile. */
export async function compareFolder(
  folder: string,
  manifest: Manifest,
  { recorded, signal, onProgress }: CompareOptions,
): Promise<Comparison> {
  const listing = await listFolder(folder, { signal });
  const { differences, unread } = compareListing(listing, manifest, recorded);
  const files = unread.map(({ file }) => file);
  const hashed = await hashFiles(folder, files, { signal, onProgress });
  unread.forEach(({ entry, file }, at) => {
    const difference = compareBytes(entry, file, hashed[at]);
    if (difference !== undefined) differences.push(difference);
  });
  // What was skipped, or read long ago, may have been written to since.
  if (differences.length === 0) {
    const after = await listFolder(folder, { signal });
    const moved = after.refused[0]?.path ?? changedPath(listing.files, after.files);
    if (moved !== undefined) throw changed(folder, moved);
  }
  return {
    differences: differences.sort(compareDifferences),
    readFiles: files.length,
    readBytes: files.reduce((sum, { facts }) => sum + facts.sizeBytes, 0),
    facts: listing.files.map(({ facts }) => facts),
  };
}

/** An entry and its file, which only their bytes can tell apart. */
interface Unread {
  readonly entry: ManifestEntry;
  readonly file: FolderFile;
}

function compareListing(
  { files, refused }: FolderListing,
  { entries }: Manifest,
  recorded: CompareOptions["recorded"],
): { differences: Difference[]; unread: Unread[] } {
  const differences: Difference[] = [];
  const unread: Unread[] = [];
  const found = new Map(files.filter(isPlain).map((file) => [file.path, file]));
  const odd = new Map(refused.map(({ path, error }) => [path, error]));
  entries.forEach((entry, at) => {
    const { path, sizeBytes } = entry;
    const file = found.get(path);
    found.delete(path);
    if (file === undefined) {
      differences.push(oddOne(path, "changed", odd.get(path)) ?? missing(path));
      odd.delete(path);
    } else if (file.facts.sizeBytes !== sizeBytes) {
      const why = `${file.facts.sizeBytes} bytes, not ${sizeBytes}`;
      differences.push({ kind: "changed", path, why });
    } else if (!isUntouched(file.facts, recorded?.files[at], recorded?.recordedNs ?? 0n)) {
      unread.push({ entry, file });
    }
  });
  for (const { path } of files.filter((file) => !isPlain(file) || found.has(file.path))) {
    differences.push({ kind: "added", path, why: "the manifest does not know it" });
  }
  for (const [path, error] of odd) {
    const difference = oddOne(path, "added", error);
    if (difference !== undefined) differences.push(difference);
  }
  return { differences, unread };
}

/** A name that is not UTF-8 has no place in a manifest, also where it reads like one that has. */
function isPlain({ rawPath }: FolderFile): boolean {
  return rawPath === undefined;
}

function isUntouched(now: FileFacts, then: FileFacts | undefined, recordedNs: bigint): boolean {
  if (then === undefined || !sameFacts(now, then)) return false;
  const safeNs = recordedNs - clockTickNs;
  return now.changedNs < safeNs && now.modifiedNs < safeNs;
}

function compareBytes(
  { path, sha256, blake3 }: ManifestEntry,
  { facts }: FolderFile,
  hashed: HashedFile | QuipuError | undefined,
): Difference | undefined {
  if (hashed === undefined) throw new Error("a file came to nothing");
  if (hashed instanceof QuipuError) {
    return hashed.code === "NOT_FOUND" ? missing(path) : oddOne(path, "changed", hashed);
  }
  if (!sameFacts(hashed.facts, facts)) {
    return { kind: "changed", path, why: "written to while it was read" };
  }
  if (toHex(hashed.sha256) === sha256 && toHex(hashed.blake3) === blake3) return undefined;
  return { kind: "changed", path, why: "other bytes, as many" };
}

function missing(path: string): Difference {
  return { kind: "missing", path, why: "it is not there" };
}

/** Links and special files count as `kind`; what the system does not let us look at is unreadable. */
function oddOne(
  path: string,
  kind: "changed" | "added",
  error: QuipuError | undefined,
): Difference | undefined {
  if (error === undefined) return undefined;
  const known = error.code === "DATA_INVALID" || error.code === "DATA_CHANGED";
  return { kind: known ? kind : "unreadable", path, why: error.message };
}

function compareDifferences(a: Difference, b: Difference): number {
  const kinds = differenceKinds.indexOf(a.kind) - differenceKinds.indexOf(b.kind);
  return kinds === 0 ? Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)) : kinds;
}

function changed(folder: string, path: string): QuipuError {
  return new QuipuError("DATA_CHANGED", `${folder}/${path} changed while it was verified`, {
    next: "stop writing to the folder and verify it again",
    details: { path },
  });
}
