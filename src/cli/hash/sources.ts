/**
 * What the paths of a command line are. A path that is named may be a link, which is followed; inside
 * folders no link is. Pipes, sockets and devices are never opened: that, or a read of them, may wait for
 * ever in a thread that nobody can stop. As standard input they can be hashed.
 */
import { type Stats, statSync } from "node:fs";
import { QuipuError } from "../../base/errors.js";
import type { FolderFile, RefusedEntry } from "../../compute/native/folder-files.js";
import { type NamedPath, namedPaths } from "../argument-bytes.js";
import type { HashChoices } from "./hash-choices.js";
import { type Failed, failed } from "./outcome.js";

export interface FileSource extends NamedPath {
  readonly kind: "file";
  readonly sizeBytes: number;
}

/** Standard input. */
export interface InputSource extends NamedPath {
  readonly kind: "input";
}

export interface FolderSource extends NamedPath {
  readonly kind: "folder";
  readonly files: readonly FolderFile[];
}

export type Source =
  | FileSource
  | InputSource
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
    const unwanted = skipLinks ? refused.filter(({ kind }) => kind === "unreadable") : refused;
    skipped += refused.length - unwanted.length;
    for (const entry of unwanted) sources.push(refusedSource(named, entry));
    sources.push({ kind: "folder", ...named, files });
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
  if (named.path === "-") return { kind: "input", ...named };
  let facts: Stats;
  try {
    facts = statSync(named.path);
  } catch (thrown) {
    return { kind: "failed", ...failed(named, thrown) };
  }
  if (facts.isDirectory()) return "folder";
  if (!facts.isFile()) return { kind: "failed", ...named, error: special(named.name) };
  return { kind: "file", ...named, sizeBytes: facts.size };
}

function special(name: string): QuipuError {
  return new QuipuError("DATA_INVALID", `${name} is a pipe, socket or device, not a regular file`, {
    next: "hash it as standard input: quipu hash < PATH",
  });
}

/** What is wrong with the folder as a whole comes back as if it were an entry of it. */
async function listNamed({ path }: NamedPath, signal: AbortSignal) {
  const { listFolder } = await import("../../compute/native/folder-files.js");
  try {
    return await listFolder(path, { signal });
  } catch (thrown) {
    signal.throwIfAborted();
    const error = failedListing(QuipuError.from(thrown));
    return { files: [], refused: [{ path: "", kind: "unreadable" as const, error }] };
  }
}

function failedListing({ code, message, next, details }: QuipuError): QuipuError {
  const split = code === "LIMIT_EXCEEDED" ? "hash the folders inside it one by one" : next;
  return new QuipuError(code, message, {
    ...(split === undefined ? {} : { next: split }),
    details,
  });
}

function refusedSource(folder: NamedPath, entry: RefusedEntry): Source {
  const { path, kind, error } = entry;
  const named = path === "" ? { name: folder.name } : nameIn(folder, entry);
  if (kind === "unreadable") return { kind: "failed", ...named, error };
  const next = "pass over links and special files with --links skip";
  return { kind: "failed", ...named, error: new QuipuError(error.code, error.message, { next }) };
}

/** The name of a folder's file as it is printed, and its bytes where they are not UTF-8. */
export function nameIn(
  { name, path: folder }: NamedPath,
  { path, rawPath }: Pick<FolderFile, "path" | "rawPath">,
): { readonly name: string; readonly rawName?: Buffer } {
  const slash = name.endsWith("/") ? "" : "/";
  const text = `${name}${slash}${path}`;
  if (rawPath === undefined && typeof folder === "string") return { name: text };
  const parts = [Buffer.from(folder as string), Buffer.from(slash), rawPath ?? Buffer.from(path)];
  return { name: text, rawName: Buffer.concat(parts) };
}
