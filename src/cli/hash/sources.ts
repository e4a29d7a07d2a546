/**
 * What the paths of a command line are. A path that is named may be a link, which is followed; inside
 * folders no link is. Pipes, sockets and devices are never opened: that, or a read of them, may wait for
 * ever in a thread that nobody can stop. As standard input they can be hashed.
 */
import { type Stats, statSync } from "node:fs";
import { QuipuError } from "../../base/errors.js";
import type { FolderFile, RefusedEntry } from "../../compute/native/folder-files.js";
import { type NamedPath, namedPaths } from "./argument-bytes.js";
import type { HashChoices } from "./hash-choices.js";
import { type Failed, failed } from "./outcome.js";

export interface FileSource extends NamedPath {
  readonly kind: "file";
  readonly sizeBytes: number;
}

/** Its size is not known before it has been read. */
export interface StreamSource extends NamedPath {
  readonly kind: "stream";
}

export interface FolderSource {
  readonly kind: "folder";
  readonly folder: string;
  readonly files: readonly FolderFile[];
}

export type Source =
  | FileSource
  | StreamSource
  | FolderSource
  | (Failed & { readonly kind: "failed" });

/** Sources in the order of the paths, and how many links and special files were passed over. */
export async function findSources(
  paths: readonly string[],
  { skipLinks }: Pick<HashChoices, "skipLinks">,
  signal: AbortSignal,
): Promise<{ readonly sources: readonly Source[]; readonly skipped: number }> {
  const sources: Source[] = [];
  let skipped = 0;
  for (const named of namedPaths(paths.length === 0 ? ["-"] : paths)) {
    const source = lookAt(named);
    if (source !== "folder") {
      sources.push(source);
      continue;
    }
    const { files, refused } = await listNamed(named, signal);
    const unwanted = skipLinks ? refused.filter((entry) => !isLinkOrSpecial(entry)) : refused;
    skipped += refused.length - unwanted.length;
    for (const entry of unwanted) sources.push(refusedSource(named.name, entry));
    sources.push({ kind: "folder", folder: named.name, files });
  }
  return { sources, skipped };
}

export function sizeOf(sources: readonly Source[]): number {
  const sizes = sources.map((source) => {
    if (source.kind === "file") return source.sizeBytes;
    if (source.kind !== "folder") return 0;
    return source.files.reduce((sum, { facts }) => sum + facts.sizeBytes, 0);
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** A file by its name; `-` is standard input. A folder is for the caller to list, or to refuse. */
export function lookAt(named: NamedPath): Exclude<Source, FolderSource> | "folder" {
  if (named.path === "-") return { kind: "stream", ...named };
  let facts: Stats;
  try {
    facts = statSync(named.path);
  } catch (thrown) {
    return { kind: "failed", ...failed(named, thrown) };
  }
  if (facts.isDirectory()) return "folder";
  if (!facts.isFile()) return { kind: "failed", ...named, error: special(named.name) };
  // Files of /proc say that they are empty, and are not.
  if (facts.size === 0) return { kind: "stream", ...named };
  return { kind: "file", ...named, sizeBytes: facts.size };
}

function special(name: string): QuipuError {
  return new QuipuError("DATA_INVALID", `${name} is a pipe, socket or device, not a regular file`, {
    next: "hash it as standard input: quipu hash < PATH",
  });
}

/** What is wrong with the folder as a whole comes back as if it were an entry of it. */
async function listNamed({ name, path }: NamedPath, signal: AbortSignal) {
  const { listFolder } = await import("../../compute/native/folder-files.js");
  try {
    if (typeof path === "string") return await listFolder(path, { signal });
    throw new QuipuError("INVALID_ARGUMENT", `the name of the folder ${name} is not UTF-8`, {
      next: "go into the folder and hash `.`",
    });
  } catch (thrown) {
    signal.throwIfAborted();
    return { files: [], refused: [{ path: "", error: QuipuError.from(thrown) }] };
  }
}

function isLinkOrSpecial({ path, error }: RefusedEntry): boolean {
  return path !== "" && error.code === "DATA_INVALID";
}

function refusedSource(folder: string, entry: RefusedEntry): Source {
  const { path, error } = entry;
  const name = path === "" ? folder : nameIn(folder, path);
  if (!isLinkOrSpecial(entry)) return { kind: "failed", name, error };
  const next = "pass over links and special files with --links skip";
  return { kind: "failed", name, error: new QuipuError(error.code, error.message, { next }) };
}

/** The name of a folder's file, as it is printed. */
export function nameIn(folder: string, path: string): string {
  return folder.endsWith("/") ? folder + path : `${folder}/${path}`;
}
