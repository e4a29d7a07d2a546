/** What `quipu data verify` is asked to compare: a folder, its manifest, and what is kept of both. */
import { readFile, realpath, stat } from "node:fs/promises";
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type Manifest, manifestBytesMax } from "../../model/manifest.js";
import { name as dataSetName } from "../../model/name.js";
import type { Context } from "../context.js";
import { failed } from "../hash/outcome.js";
import { allFacts, type KeptFacts, keptManifestPath, readFacts } from "./kept-data-set.js";
import { parseManifest, tooLarge } from "./manifest-file.js";

export interface VerifyTarget {
  /** Absolute, without links. */
  readonly folder: string;
  readonly manifest: Manifest;
  readonly manifestDigest: Digest;
  /** The data set under whose name this folder and manifest are kept. */
  readonly name: string | undefined;
  /** Facts of this folder under this manifest. */
  readonly recorded: KeptFacts | undefined;
}

/** A name that is kept goes before a folder of the same name, which can be written as `./NAME`. */
export async function findTarget(
  { output, paths, signal }: Pick<Context, "output" | "paths" | "signal">,
  given: string,
  manifestPath: string | undefined,
): Promise<VerifyTarget> {
  const { folder, kept, unread } = await placesOf(paths.home, given);
  for (const path of unread) output.note(`${path} cannot be read: it was passed over`);
  const own = manifestPath === undefined ? onlyOne(folder, kept) : undefined;
  const path = manifestPath ?? keptManifestPath(paths.home, own?.name ?? "");
  const { manifest, digest } = await parseManifest(await readManifest(path), path, signal);
  const same = kept.find((facts) => facts.manifestDigest === digest);
  for (const other of same === undefined ? kept : []) {
    const known = `what is kept of ${other.name} names another manifest, ${other.manifestDigest}`;
    output.note(`${known}: every file is read`);
  }
  const recorded = same?.files.length === manifest.entries.length ? same : undefined;
  return { folder, manifest, manifestDigest: digest, name: (own ?? same)?.name, recorded };
}

/** The folder that is meant, and what is kept of it under one name or several. */
async function placesOf(home: string, given: string) {
  if (dataSetName.safeParse(given).success && (await isThere(keptManifestPath(home, given)))) {
    const facts = await readFacts(home, given);
    if (facts !== undefined) return { folder: facts.folder, kept: [facts], unread: [] };
    throw new QuipuError("NOT_FOUND", `where the folder of ${given} lies is not known any more`, {
      next: `name it: quipu data verify FOLDER --manifest ${keptManifestPath(home, given)}`,
    });
  }
  const folder = await realFolder(given);
  const { facts, unread } = await allFacts(home);
  return { folder, kept: facts.filter((one) => one.folder === folder), unread };
}

async function realFolder(given: string): Promise<string> {
  try {
    return await realpath(given);
  } catch (cause) {
    throw new QuipuError(
      "NOT_FOUND",
      `${given} is no folder, and no data set of that name is kept`,
      {
        next: "name a folder, or a data set that was added by this user on this machine",
        cause,
      },
    );
  }
}

function onlyOne(folder: string, kept: readonly KeptFacts[]): KeptFacts {
  const [first] = kept;
  if (first !== undefined && kept.length === 1) return first;
  if (first !== undefined) {
    const names = kept.map(({ name }) => name).join(", ");
    throw new QuipuError("CONFLICT", `${folder} is the folder of several data sets: ${names}`, {
      next: "name one of them",
    });
  }
  throw new QuipuError("NOT_FOUND", `no manifest of ${folder} is kept here`, {
    next: "give one with --manifest FILE, or register the folder with `quipu data add`",
  });
}

async function readManifest(path: string): Promise<Uint8Array> {
  try {
    const facts = await stat(path);
    if (!facts.isFile()) {
      throw new QuipuError("INVALID_ARGUMENT", `${path} is not a file`, { next: "name a file" });
    }
    if (facts.size <= manifestBytesMax) return await readFile(path);
  } catch (thrown) {
    throw failed({ name: path }, thrown).error;
  }
  throw tooLarge(path, `more than ${manifestBytesMax} bytes`);
}

/** Also when it cannot be looked at: the read that follows says why. */
function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (thrown: unknown) => QuipuError.from(thrown).code !== "NOT_FOUND",
  );
}
