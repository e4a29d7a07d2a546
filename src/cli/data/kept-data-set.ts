/**
 * What this user's state keeps of a data set, in `data-sets/NAME/`: `manifest.json`, the canonical bytes
 * whose SHA-256 is the data set's manifest digest, so that any tool can check it; and `facts.json`, where the
 * folder lies and what the system said of its files when the manifest was found true.
 *
 * Facts only save reading: without them, or with those of another manifest, everything is read. So the
 * manifest is written first. A crash before it leaves the old pair; between the two, the new manifest with
 * facts that do not name it; each file is whole in any case. `quipu data add` again, or the next `quipu data
 * verify`, puts it right.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, isDigest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { FileFacts } from "../../compute/native/hashing.js";
import { makeFolder } from "../../io/store/durable-folder.js";
import { type Manifest, manifestBytes, manifestDigest } from "../../model/manifest.js";
import { writeDocument } from "./document-file.js";

export interface RecordedFacts {
  /** The manifest under which they were recorded. */
  readonly manifestDigest: Digest;
  /** Absolute, without links. */
  readonly folder: string;
  /** By this machine's clock, before the first file was looked at; since 1970. */
  readonly recordedNs: bigint;
  /** In the order of the manifest's entries. */
  readonly files: readonly FileFacts[];
}

export interface KeptDataSet {
  readonly name: string;
  readonly manifestBytes: Uint8Array;
  readonly facts: RecordedFacts | undefined;
}

const version = "quipu.dev/file-facts/v1";
const manifestFile = "manifest.json";
const factsFile = "facts.json";

export function keptManifestPath(home: string, name: string): string {
  return join(home, "data-sets", name, manifestFile);
}

/** When facts are about to be looked at. */
export function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

export async function keepDataSet(
  home: string,
  name: string,
  manifest: Manifest,
  facts: Omit<RecordedFacts, "manifestDigest">,
): Promise<void> {
  await put(home, name, manifestFile, manifestBytes(manifest));
  await keepFacts(home, name, { ...facts, manifestDigest: manifestDigest(manifest) });
}

export async function keepFacts(home: string, name: string, facts: RecordedFacts): Promise<void> {
  const { manifestDigest, folder, recordedNs, files } = facts;
  const lines = files.map(({ device, inode, sizeBytes, modifiedNs, changedNs }) =>
    [device, inode, sizeBytes, modifiedNs, changedNs].join(" "),
  );
  const text = JSON.stringify({
    version,
    manifestDigest,
    folder,
    recordedNs: String(recordedNs),
    files: lines,
  });
  await put(home, name, factsFile, Buffer.from(`${text}\n`));
}

/** For this user only. Two commands at once do not disturb each other: the last one stays. */
async function put(home: string, name: string, file: string, bytes: Uint8Array): Promise<void> {
  const folder = join(home, "data-sets", name);
  await makeFolder(folder);
  await writeDocument({ path: join(folder, file), mode: 0o600 }, bytes);
}

/** Undefined when nothing is kept under the name. Only read: another process may be writing. */
export async function readKept(home: string, name: string): Promise<KeptDataSet | undefined> {
  const bytes = await readIfThere(keptManifestPath(home, name));
  if (bytes === undefined) return undefined;
  const facts = await readIfThere(join(home, "data-sets", name, factsFile));
  return { name, manifestBytes: bytes, facts: facts === undefined ? undefined : parsed(facts) };
}

export async function allKept(home: string): Promise<KeptDataSet[]> {
  const names = await readdir(join(home, "data-sets")).catch(nothingIfMissing);
  const all = await Promise.all((names ?? []).map((name) => readKept(home, name)));
  return all.filter((kept) => kept !== undefined);
}

function readIfThere(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch(nothingIfMissing);
}

function nothingIfMissing(thrown: unknown): undefined {
  if (QuipuError.from(thrown).code !== "NOT_FOUND") throw thrown;
}

/** Facts that cannot be read are as good as none. */
function parsed(bytes: Buffer): RecordedFacts | undefined {
  try {
    const value = JSON.parse(bytes.toString()) as Record<string, unknown>;
    const { manifestDigest, folder, recordedNs, files } = value;
    if (value.version !== version || typeof folder !== "string") return undefined;
    if (!isDigest(String(manifestDigest)) || !Array.isArray(files)) return undefined;
    return {
      manifestDigest: manifestDigest as Digest,
      folder,
      recordedNs: BigInt(String(recordedNs)),
      files: files.map(parsedLine),
    };
  } catch {
    return undefined;
  }
}

function parsedLine(line: unknown): FileFacts {
  const numbers = String(line).split(" ").map(BigInt);
  const [device, inode, size, modifiedNs, changedNs] = numbers;
  if (numbers.length !== 5 || device === undefined || inode === undefined) throw new Error("facts");
  if (size === undefined || modifiedNs === undefined || changedNs === undefined) {
    throw new Error("facts");
  }
  return { device, inode, sizeBytes: Number(size), modifiedNs, changedNs };
}
