/**
 * The manifest of a data folder: every file's size and digests, and the Merkle root over them.
 *
 * A manifest is evidence, so what cannot be stated plainly is refused: symbolic links and special
 * files (their target may lie elsewhere), names that are not UTF-8 (they have no place in canonical
 * JSON), and a folder that changes while it is read. The folder is listed before and after the
 * files are read; both lists must agree in names, sizes, inodes and times.
 */
import type { BigIntStats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import {
  compareEntries,
  type Manifest,
  type ManifestEntry,
  manifestLeaf,
} from "../../model/manifest.js";
import { type HashOptions, hashFile, merkleRootAsync } from "./hashing.js";

export interface HashFolderOptions extends HashOptions {
  readonly signal?: AbortSignal;
  /** Called as files are read; `totalBytes` is known from the start. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Files read at once: enough to keep the addon's threads and the disk busy. */
const filesAtOnce = 4;
const progressEveryMs = 100;
const depthMax = 64;

interface Found {
  /** Relative to the folder, `/` between parts. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Facts that change whenever the file does. */
  readonly state: string;
}

export async function hashFolder(
  folder: string,
  options: HashFolderOptions = {},
): Promise<Manifest> {
  const before = await listFiles(folder, options.signal);
  const entries = await hashAll(folder, before, options);
  const after = await listFiles(folder, options.signal);
  refuseChange(folder, before, after);
  entries.sort(compareEntries);
  const root = await merkleRootAsync(entries.map(manifestLeaf), options);
  return { version: "quipu.dev/manifest/v1", entries, merkleRoot: toHex(root) };
}

async function hashAll(
  folder: string,
  files: readonly Found[],
  { signal, onProgress, backend }: HashFolderOptions,
): Promise<ManifestEntry[]> {
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  // One control block a lane: its second number tells how far the lane's present file is.
  const lanes = Array.from({ length: Math.min(filesAtOnce, files.length) }, () => ({
    control: new BigInt64Array(2),
  }));
  let finishedBytes = 0;
  const report = (): void => {
    const open = lanes.reduce((sum, { control }) => sum + Number(Atomics.load(control, 1)), 0);
    onProgress?.(Math.min(finishedBytes + open, totalBytes), totalBytes);
  };
  const timer = onProgress === undefined ? undefined : setInterval(report, progressEveryMs);
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const entries: ManifestEntry[] = [];
  let next = 0;
  try {
    const outcomes = await Promise.allSettled(
      lanes.map(async ({ control }) => {
        try {
          for (let file = files[next++]; file !== undefined; file = files[next++]) {
            const digests = await hashFile(join(folder, file.path), {
              signal: either,
              control,
              ...(backend === undefined ? {} : { backend }),
            }).catch((thrown: unknown) => {
              // It was listed a moment ago, so its absence is a change.
              if (QuipuError.from(thrown).code === "NOT_FOUND") throw changed(folder, file.path);
              throw thrown;
            });
            if (digests.sizeBytes !== file.sizeBytes) throw changed(folder, file.path);
            entries.push({ path: file.path, ...digests });
            finishedBytes += file.sizeBytes;
            Atomics.store(control, 1, 0n);
          }
        } catch (thrown) {
          // The first failure is the answer; the other lanes only have to end.
          if (!stop.signal.aborted) stop.abort(thrown);
          throw thrown;
        }
      }),
    );
    if (outcomes.some(({ status }) => status === "rejected")) throw stop.signal.reason;
  } finally {
    clearInterval(timer);
  }
  if (onProgress !== undefined) report();
  return entries;
}

/** All files under the folder, in any order. */
async function listFiles(folder: string, signal: AbortSignal | undefined): Promise<Found[]> {
  const found: Found[] = [];
  const folders: string[] = [""];
  for (let inner = folders.pop(); inner !== undefined; inner = folders.pop()) {
    if (signal?.aborted === true) throw new QuipuError("CANCELLED", "hashing was cancelled");
    if (inner.split("/").length > depthMax) {
      throw new QuipuError("LIMIT_EXCEEDED", `${folder} nests deeper than ${depthMax}: ${inner}`);
    }
    for (const name of await readNames(folder, inner)) {
      const path = inner === "" ? name : `${inner}/${name}`;
      const stats = await look(folder, path);
      if (stats.isDirectory()) folders.push(path);
      else if (stats.isFile()) found.push(describe(path, stats));
      else throw refuseKind(folder, path, stats);
      if (found.length + folders.length > limits.filesPerDataSetMax) {
        throw new QuipuError(
          "LIMIT_EXCEEDED",
          `${folder} holds more than ${limits.filesPerDataSetMax} files`,
          { next: "split it into several data sets, or pack small files together" },
        );
      }
    }
  }
  return found;
}

async function readNames(folder: string, inner: string): Promise<string[]> {
  const path = join(folder, inner);
  let names: Buffer[];
  try {
    names = await readdir(path, { encoding: "buffer" });
  } catch (thrown) {
    const error = QuipuError.from(thrown);
    // Below the top it was there a moment ago, so its absence is a change.
    if (inner !== "" && error.code === "NOT_FOUND") throw changed(folder, inner);
    throw new QuipuError(error.code, `cannot read the folder ${path}: ${error.message}`, {
      cause: thrown,
      next: "check the path and its permissions",
    });
  }
  return names.map((bytes) => {
    const name = bytes.toString("utf8");
    if (bytes.equals(Buffer.from(name, "utf8"))) return name;
    throw new QuipuError("DATA_INVALID", `a name in ${path} is not UTF-8: ${name}`, {
      next: "rename the file",
      details: { nameHex: bytes.toString("hex") },
    });
  });
}

async function look(folder: string, path: string): Promise<BigIntStats> {
  try {
    return await lstat(join(folder, path), { bigint: true });
  } catch (thrown) {
    const error = QuipuError.from(thrown);
    throw error.code === "NOT_FOUND" ? changed(folder, path) : error;
  }
}

function describe(path: string, stats: BigIntStats): Found {
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return {
    path,
    sizeBytes: Number(size),
    state: [dev, ino, size, mtimeNs, ctimeNs].join(" "),
  };
}

function refuseKind(folder: string, path: string, stats: BigIntStats): QuipuError {
  const what = stats.isSymbolicLink() ? "a symbolic link" : "a pipe, socket or device";
  return new QuipuError("DATA_INVALID", `${join(folder, path)} is ${what}, not a regular file`, {
    next: "remove it from the folder or put the file itself in its place",
    details: { path },
  });
}

function changed(folder: string, path: string): QuipuError {
  return new QuipuError("DATA_CHANGED", `${join(folder, path)} changed while it was read`, {
    next: "stop writing to the folder and hash it again",
    details: { path },
  });
}

function refuseChange(folder: string, before: readonly Found[], after: readonly Found[]): void {
  const now = new Map(after.map((file) => [file.path, file.state]));
  for (const { path, state } of before) {
    if (now.get(path) !== state) throw changed(folder, path);
    now.delete(path);
  }
  const [added] = now.keys();
  if (added !== undefined) throw changed(folder, added);
}
