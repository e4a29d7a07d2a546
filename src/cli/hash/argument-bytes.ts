/**
 * Paths of the command line as bytes, where they are not UTF-8. Node turns arguments into text and loses
 * such names; the kernel keeps them.
 */
import { readFileSync } from "node:fs";

/** A path and how it is printed. */
export interface NamedPath {
  readonly name: string;
  readonly path: string | Buffer;
}

const replacement = "\ufffd";

/**
 * Arguments in which Node put a replacement character are looked up among the process's own, the first of
 * equal ones first. One that is not found there stays as it is: a file may really bear that name.
 */
export function namedPaths(args: readonly string[]): NamedPath[] {
  const odd = args.some((name) => name.includes(replacement));
  const known = odd ? rawArguments() : new Map<string, Buffer[]>();
  return args.map((name) => ({ name, path: known.get(name)?.shift() ?? name }));
}

/** By what Node makes of them. */
function rawArguments(): Map<string, Buffer[]> {
  const known = new Map<string, Buffer[]>();
  const all = commandLine();
  for (let at = 0; at < all.length; ) {
    const end = all.indexOf(0, at);
    const raw = all.subarray(at, end);
    const text = raw.toString();
    if (text.includes(replacement)) known.set(text, [...(known.get(text) ?? []), raw]);
    at = end + 1;
  }
  return known;
}

/** Each argument ended by a zero byte. */
function commandLine(): Buffer {
  try {
    return readFileSync("/proc/self/cmdline");
  } catch {
    return Buffer.alloc(0);
  }
}
