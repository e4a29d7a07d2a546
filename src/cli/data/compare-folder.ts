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
import {
  absent,
  compareDifferences,
  type Difference,
  missing,
  named,
  reason,
  refusedAs,
} from "./difference.js";
import type { RecordedFacts } from "./kept-data-set.js";

/**
 * A file that is written again within a tick of its file system's clock keeps its times. So what was
 * written shortly before its facts were recorded is read again, as git does it with its index. The
 * coarsest clock in use is FAT's.
 */
const clockTickNs = 2_000_000_000n;

export interface Comparison {
  /** None: the folder is what its manifest says. */
  readonly differences: readonly Difference[];
  /** The others were skipped: the system has noted no write to them since their facts were recorded. */
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

/**
 * DATA_CHANGED when the folder is seen to be written to meanwhile. With facts, a write that the system has not
 * noted yet goes unseen: one through a shared mapping of a file may change its times late, or never.
 */
export async function compareFolder(
  folder: string,
  manifest: Manifest,
  { recorded, signal, onProgress }: CompareOptions,
): Promise<Comparison> {
  const listing = await listFolder(folder, { signal });
  const { differences, unread } = compareListing(folder, listing, manifest, recorded);
  const files = unread.map(({ file }) => file);
  const hashed = await hashFiles(folder, files, { signal, onProgress });
  unread.forEach((one, at) => {
    const difference = compareBytes(folder, one, hashed[at]);
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
  folder: string,
  { files, refused }: FolderListing,
  { entries }: Manifest,
  recorded: CompareOptions["recorded"],
): { differences: Difference[]; unread: Unread[] } {
  const differences: Difference[] = [];
  const unread: Unread[] = [];
  const found = new Map(files.filter(isPlain).map((file) => [file.path, file]));
  const odd = new Map(refused.filter(isPlain).map((entry) => [entry.path, entry]));
  entries.forEach((entry, at) => {
    const { path, sizeBytes } = entry;
    const file = found.get(path);
    const other = odd.get(path);
    found.delete(path);
    odd.delete(path);
    if (other !== undefined) differences.push(refusedAs("changed", folder, other));
    else if (file === undefined) differences.push(absent(path, odd));
    else if (file.facts.sizeBytes !== sizeBytes) {
      const why = `${file.facts.sizeBytes} bytes, not ${sizeBytes}`;
      differences.push({ kind: "changed", path, why });
    } else if (!isUntouched(file.facts, recorded?.files[at], recorded?.recordedNs ?? 0n)) {
      unread.push({ entry, file });
    }
  });
  for (const file of files.filter((one) => !isPlain(one) || found.has(one.path))) {
    differences.push({ kind: "added", ...named(file), why: "the manifest does not know it" });
  }
  for (const entry of refused.filter((one) => !isPlain(one) || odd.has(one.path))) {
    differences.push(refusedAs("added", folder, entry));
  }
  return { differences, unread };
}

/** A name that is not UTF-8 has no place in a manifest, also where it reads like one that has. */
function isPlain({ rawPath }: Pick<FolderFile, "rawPath">): boolean {
  return rawPath === undefined;
}

function isUntouched(now: FileFacts, then: FileFacts | undefined, recordedNs: bigint): boolean {
  if (then === undefined || !sameFacts(now, then)) return false;
  const safeNs = recordedNs - clockTickNs;
  return now.changedNs < safeNs && now.modifiedNs < safeNs;
}

function compareBytes(
  folder: string,
  { entry, file }: Unread,
  hashed: HashedFile | QuipuError | undefined,
): Difference | undefined {
  const { path, sha256, blake3 } = entry;
  if (hashed === undefined) throw new Error("a file came to nothing");
  if (hashed instanceof QuipuError) {
    if (hashed.code === "NOT_FOUND") return missing(path);
    const moved = hashed.code === "DATA_INVALID" || hashed.code === "DATA_CHANGED";
    return { kind: moved ? "changed" : "unreadable", path, why: reason(folder, path, hashed) };
  }
  if (!sameFacts(hashed.facts, file.facts)) {
    return { kind: "changed", path, why: "written to while it was read" };
  }
  if (toHex(hashed.sha256) === sha256 && toHex(hashed.blake3) === blake3) return undefined;
  return { kind: "changed", path, why: "other bytes, as many" };
}

function changed(folder: string, path: string): QuipuError {
  return new QuipuError("DATA_CHANGED", `${folder}/${path} changed while it was verified`, {
    next: "stop writing to the folder and verify it again",
    details: { path },
  });
}
