/**
 * Reads JSON that a stranger made: bounded in bytes and depth, valid UTF-8, and no object with the
 * same key twice, since two readers of such an object may see two different documents.
 */
import { type ErrorCode, QuipuError } from "./errors.js";

export const jsonDepthMax = 64;

export function parseStrictJson(
  bytes: Uint8Array,
  what: string,
  bytesMax: number,
  code: ErrorCode = "VERIFICATION_FAILED",
): unknown {
  const refuse = (why: string): QuipuError =>
    new QuipuError(code, `the ${what} is not acceptable JSON: ${why}`, {
      next: "fetch it again, or have it written again",
    });
  if (bytes.length > bytesMax) {
    throw refuse(`${bytes.length} bytes are more than the ${bytesMax} allowed`);
  }
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (thrown) {
    throw refuse(thrown instanceof Error ? thrown.message : String(thrown));
  }
  const fault = structureFault(text);
  if (fault !== undefined) throw refuse(fault);
  return value;
}

const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]]|:/g;

/** What is wrong with the nesting or the keys of a text that `JSON.parse` has already accepted. */
function structureFault(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // keys seen so far; undefined for an array
  let lastString = "";
  for (const [token] of text.matchAll(tokens)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : undefined);
      if (open.length > jsonDepthMax) return `it is nested deeper than ${jsonDepthMax}`;
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === ":") {
      const key = JSON.parse(lastString) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return `the key ${lastString.slice(0, 80)} stands twice in one object`;
      keys?.add(key);
    } else {
      lastString = token;
    }
  }
  return undefined;
}
