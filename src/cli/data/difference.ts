/** One way in which a folder is not what its manifest says, and how it is told. */
import type { QuipuError } from "../../base/errors.js";
import type { FolderFile, RefusedEntry } from "../../compute/native/folder-files.js";

/** In the order in which people are told. Of what is unreadable nobody knows what it holds. */
export const differenceKinds = ["changed", "missing", "added", "unreadable"] as const;

export interface Difference {
  readonly kind: (typeof differenceKinds)[number];
  readonly path: string;
  /** Its bytes, where they are not UTF-8. */
  readonly pathHex?: string;
  /** Without the path. */
  readonly why: string;
}

export function named({ path, rawPath }: Pick<FolderFile, "path" | "rawPath">) {
  return rawPath === undefined ? { path } : { path, pathHex: rawPath.toString("hex") };
}

/** Links and special files count as `kind`; what the system does not let us look at is unreadable. */
export function refusedAs(
  kind: "changed" | "added",
  folder: string,
  entry: RefusedEntry,
): Difference {
  const why = reason(folder, entry.path, entry.error);
  return { kind: entry.kind === "unreadable" ? "unreadable" : kind, ...named(entry), why };
}

/** What lies in a folder that cannot be read may be there all the same. */
export function absent(path: string, odd: ReadonlyMap<string, RefusedEntry>): Difference {
  for (let end = path.lastIndexOf("/"); ; end = path.lastIndexOf("/", end - 1)) {
    if (odd.get(path.slice(0, Math.max(end, 0)))?.kind === "unreadable") {
      return { kind: "unreadable", path, why: "a folder above it cannot be read" };
    }
    if (end <= 0) return missing(path);
  }
}

export function missing(path: string): Difference {
  return { kind: "missing", path, why: "it is not there" };
}

export function reason(folder: string, path: string, { message }: QuipuError): string {
  return message.replaceAll(`${folder}/${path}`, "it");
}

export function compareDifferences(a: Difference, b: Difference): number {
  const kinds = differenceKinds.indexOf(a.kind) - differenceKinds.indexOf(b.kind);
  return kinds === 0 ? Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)) : kinds;
}
