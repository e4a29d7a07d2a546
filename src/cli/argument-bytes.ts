/**
 * Arguments as bytes, where they are not UTF-8. Node turns arguments into text, and different names become the
 * same; the kernel keeps them as they were given.
 */
import { readFileSync } from "node:fs";
import { QuipuError } from "../base/errors.js";

/** A path and how it is printed. */
export interface NamedPath {
  readonly name: string;
  readonly path: string | Buffer;
}

const replacement = "\ufffd";

/** Paths with their bytes. A replacement character that was really given stays one. */
export function namedPaths(paths: readonly string[]): NamedPath[] {
  const odd = oddArguments();
  return paths.map((name) => ({ name, path: odd.get(name)?.shift() ?? name }));
}

/** Every argument but `paths` must be UTF-8: what was meant by it is lost, and must not be guessed. */
export function refuseOddArguments(paths: readonly string[]): void {
  for (const [text, all] of oddArguments()) {
    if (paths.filter((path) => path === text).length === all.length) continue;
    throw new QuipuError("INVALID_ARGUMENT", `an argument is not UTF-8: ${text}`, {
      next: "only the paths of `quipu hash` may be such: rename the file, or name a link to it",
    });
  }
}

/** What Node cannot tell apart, in the order in which it was given. */
function oddArguments(): Map<string, Buffer[]> {
  const given = process.argv.slice(2);
  const odd = new Map<string, Buffer[]>();
  if (!given.some((text) => text.includes(replacement))) return odd;
  const all = commandLine().slice(-given.length);
  const known = all.every((raw, at) => raw.toString() === given[at]);
  given.forEach((text, at) => {
    if (!text.includes(replacement)) return;
    const raw = known ? all[at] : undefined;
    odd.set(text, [...(odd.get(text) ?? []), ...(raw === undefined ? [] : [raw])]);
  });
  for (const [text, raws] of odd) {
    const plain = Buffer.from(text);
    if (raws.length > 0 && raws.every((raw) => raw.equals(plain))) odd.delete(text);
  }
  return odd;
}

/** The process's own, those of Node itself first. */
function commandLine(): Buffer[] {
  const all: Buffer[] = [];
  try {
    const bytes = readFileSync("/proc/self/cmdline");
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(0, at);
      all.push(bytes.subarray(at, end));
      at = end + 1;
    }
  } catch {
    // Then nothing is known of them.
  }
  return all;
}
