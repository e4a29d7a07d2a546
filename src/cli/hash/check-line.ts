/**
 * A line of a file of checksums. The rules are b3sum's: what could be read in two ways is refused, because a
 * check that fails too often is better than one that passes when it should not.
 */
import type { HashAlgorithm } from "../../compute/native/hash-options.js";
import { tags } from "./line.js";

export interface CheckLine {
  readonly algorithm: HashAlgorithm;
  /** Lower-case hexadecimal. */
  readonly digest: string;
  readonly path: string;
  /** The path as the line has it, with the backslash that announces escapes. */
  readonly shown: string;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const tagPattern = /^(\\?)(BLAKE3|SHA256) \((.+)\) = ([0-9a-fA-F]{64})$/s;
const plainPatterns = {
  blake3: /^(\\?)([0-9a-fA-F]{64}) {2}(.+)$/s,
  // The asterisk is sha256sum's sign of binary mode, which means nothing here.
  sha256: /^(\\?)([0-9a-fA-F]{64}) [ *](.+)$/s,
} as const;

/** The line, or what is wrong with it. Lines without a tag are of algorithm `plain`. */
export function parseCheckLine(bytes: Uint8Array, plain: HashAlgorithm): CheckLine | string {
  let line: string;
  try {
    line = utf8.decode(bytes);
  } catch {
    return "it is not UTF-8";
  }
  if (line === "") return "it is empty";
  const tag = tagPattern.exec(line);
  if (tag !== null) {
    const [, front = "", name, path = "", digest = ""] = tag;
    const algorithm = name === tags.sha256 ? "sha256" : "blake3";
    return checked({ front, path, digest, algorithm });
  }
  const found = plainPatterns[plain].exec(line);
  if (found === null) return "it has neither the form HEX  PATH nor that of a tag";
  const [, front = "", digest = "", path = ""] = found;
  return checked({ front, path, digest, algorithm: plain });
}

function checked(parts: {
  readonly front: string;
  readonly path: string;
  readonly digest: string;
  readonly algorithm: HashAlgorithm;
}): CheckLine | string {
  const { front, digest, algorithm } = parts;
  const path = front === "" ? parts.path : unescaped(parts.path);
  if (path === undefined) return "a backslash in its path begins no escape";
  if (path.includes("\0")) return "its path has a null character";
  // Different names that are not UTF-8 are written alike.
  if (path.includes("\ufffd")) return "its path has a replacement character";
  return { algorithm, digest: digest.toLowerCase(), path, shown: front + parts.path };
}

const escapes: Readonly<Record<string, string>> = { "\\\\": "\\", "\\n": "\n", "\\r": "\r" };

function unescaped(path: string): string | undefined {
  let broken = false;
  const plain = path.replace(/\\.?/gs, (found) => {
    broken ||= !(found in escapes);
    return escapes[found] ?? "";
  });
  return broken ? undefined : plain;
}
