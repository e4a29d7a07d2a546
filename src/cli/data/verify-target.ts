/** What `quipu data verify` is asked to compare: a folder, its manifest, and what is kept of both. */
import { readFile, realpath, stat } from "node:fs/promises";
import { type Digest, digestOf } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type Manifest, manifestDigest } from "../../model/manifest.js";
import { name as dataSetName } from "../../model/name.js";
import { failed } from "../hash/outcome.js";
import {
  allKept,
  type KeptDataSet,
  keptManifestPath,
  type RecordedFacts,
  readKept,
} from "./kept-data-set.js";
import { manifestBytesMax, parseManifest } from "./manifest-file.js";

export interface VerifyTarget {
  /** Absolute, without links. */
  readonly folder: string;
  readonly manifest: Manifest;
  readonly manifestDigest: Digest;
  /** The data set under whose name this folder and manifest are kept. */
  readonly name: string | undefined;
  /** Facts of this folder under this manifest. */
  readonly recorded: RecordedFacts | undefined;
}

/** A name that is kept goes before a folder of the same name, which can be written as `./NAME`. */
export async function findTarget(
  home: string,
  given: string,
  manifestPath: string | undefined,
  signal: AbortSignal,
): Promise<VerifyTarget> {
  const named = dataSetName.safeParse(given).success ? await readKept(home, given) : undefined;
  const folder = named === undefined ? await realFolder(given) : folderOf(home, named);
  if (manifestPath === undefined) {
    const kept = named ?? (await keptAt(home, folder));
    const path = keptManifestPath(home, kept.name);
    return targetOf(folder, await parseManifest(kept.manifestBytes, path, signal), kept);
  }
  const bytes = await readManifest(manifestPath);
  const manifest = await parseManifest(bytes, manifestPath, signal);
  const digest = manifestDigest(manifest);
  const same = (await allKept(home)).find(
    ({ facts, manifestBytes }) =>
      (facts === undefined || facts.folder === folder) && digestOf(manifestBytes) === digest,
  );
  return targetOf(folder, manifest, same);
}

function targetOf(folder: string, manifest: Manifest, kept: KeptDataSet | undefined): VerifyTarget {
  const digest = manifestDigest(manifest);
  const facts = kept?.facts;
  const usable =
    facts?.manifestDigest === digest &&
    facts.folder === folder &&
    facts.files.length === manifest.entries.length;
  return {
    folder,
    manifest,
    manifestDigest: digest,
    name: kept?.name,
    recorded: usable ? facts : undefined,
  };
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

function folderOf(home: string, { name, facts }: KeptDataSet): string {
  if (facts !== undefined) return facts.folder;
  throw new QuipuError("NOT_FOUND", `where the folder of ${name} lies is not known any more`, {
    next: `name it: quipu data verify FOLDER --manifest ${keptManifestPath(home, name)}`,
  });
}

async function keptAt(home: string, folder: string): Promise<KeptDataSet> {
  const here = (await allKept(home)).filter(({ facts }) => facts?.folder === folder);
  const [first] = here;
  if (first !== undefined && here.length === 1) return first;
  if (first !== undefined) {
    const names = here.map(({ name }) => name).join(", ");
    throw new QuipuError("CONFLICT", `${folder} is the folder of several data sets: ${names}`, {
      next: "name one of them",
    });
  }
  throw new QuipuError("NOT_FOUND", `no manifest of ${folder} is kept here`, {
    next: "give one with --manifest FILE, or register the folder with `quipu data add`",
  });
}

async function readManifest(path: string): Promise<Uint8Array> {
  const facts = await stat(path).catch((thrown: unknown) => {
    throw failed({ name: path }, thrown).error;
  });
  if (!facts.isFile()) throw new QuipuError("INVALID_ARGUMENT", `${path} is not a file`);
  if (facts.size <= manifestBytesMax) return readFile(path);
  throw new QuipuError("LIMIT_EXCEEDED", `${path} has more than ${manifestBytesMax} bytes`);
}
