/**
 * What this user's state keeps of a data set, in `data-sets/NAME/`: `manifest.json`, the canonical bytes
 * whose SHA-256 is the data set's manifest digest, so that any tool can check it; and `facts.json`, where the
 * folder lies and what the system said of its files when the manifest was found true.
 *
 * Facts only save reading: without them, or with those of another manifest, everything is read. So the
 * manifest is written first. A crash before it leaves the old pair; between the two, the new manifest with
 * facts that do not name it; each file is whole in any case. `quipu data add` again, or the next `quipu data
 * verify NAME`, puts it right. Where a folder lies is believed of facts only: without them no folder becomes
 * the data set's.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { FileFacts } from "../../compute/native/hashing.js";
import { makeFolder } from "../../io/store/durable-folder.js";
import { digest } from "../../model/data-set.js";
import { type Manifest, manifestBytes, manifestDigest } from "../../model/manifest.js";
import { name as dataSetName } from "../../model/name.js";
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

/** Facts that are kept, and the data set under whose name they are. */
export interface KeptFacts extends RecordedFacts {
  readonly name: string;
}

const version = "quipu.dev/file-facts/v1";
const manifestFile = "manifest.json";
const factsFile = "facts.json";

const factsShape = z.object({
  version: z.literal(version),
  manifestDigest: digest,
  folder: z.string(),
  recordedNs: z.string().regex(/^\d+$/),
  /** Device, inode, size, and both times. */
  files: z.array(z.string().regex(/^-?\d+( -?\d+){4}$/)),
});

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

/** None when they are not there, or not understood. Only read: another process may be writing. */
export async function readFacts(home: string, name: string): Promise<KeptFacts | undefined> {
  try {
    const text = await readFile(join(home, "data-sets", name, factsFile), "utf8");
    const facts = factsShape.parse(JSON.parse(text));
    return { ...facts, name, recordedNs: BigInt(facts.recordedNs), files: facts.files.map(parsed) };
  } catch {
    return undefined;
  }
}

/** The facts of every data set that is kept, and the paths of what cannot be read of it. */
export async function allFacts(home: string): Promise<{ facts: KeptFacts[]; unread: string[] }> {
  const place = join(home, "data-sets");
  const [facts, unread]: [KeptFacts[], string[]] = [[], []];
  const found = await readdir(place).catch((thrown: unknown) => {
    if (QuipuError.from(thrown).code !== "NOT_FOUND") unread.push(place);
    return [];
  });
  for (const name of found.filter((entry) => dataSetName.safeParse(entry).success)) {
    const one = await readFacts(home, name);
    if (one === undefined) unread.push(join(place, name, factsFile));
    else facts.push(one);
  }
  return { facts, unread };
}

function parsed(line: string): FileFacts {
  const [device = 0n, inode = 0n, size, modifiedNs = 0n, changedNs = 0n] = line
    .split(" ")
    .map(BigInt);
  return { device, inode, sizeBytes: Number(size), modifiedNs, changedNs };
}
