/**
 * Canonical JSON (RFC 8785, JCS): the bytes that digests and signatures are taken over.
 *
 * Frozen: a receipt's payload, a job's digest and a log entry are these bytes. ECMAScript's own
 * number and string serialisation is what RFC 8785 §3.2.2 prescribes, so only key order, the
 * refusal of what JSON cannot say, and the absence of white space are done here.
 */
import { QuipuError } from "./errors.js";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

const encoder = new TextEncoder();

/** Canonical text of a JSON value. Keys with value `undefined` are left out. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") {
    if (Number.isFinite(value)) return JSON.stringify(value);
    throw new QuipuError("INVALID_ARGUMENT", `canonical JSON has no form for ${value}`);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) // UTF-16 code units, RFC 8785 §3.2.3
      .map(([key, member]) => `${quote(key)}:${canonicalJson(member)}`);
    return `{${entries.join(",")}}`;
  }
  throw new QuipuError("INVALID_ARGUMENT", `canonical JSON has no form for a ${typeof value}`);
}

/** UTF-8 bytes of `canonicalJson(value)`. */
export function canonicalBytes(value: unknown): Uint8Array {
  return encoder.encode(canonicalJson(value));
}

function quote(text: string): string {
  if (!text.isWellFormed()) {
    throw new QuipuError("INVALID_ARGUMENT", "canonical JSON has no form for a lone surrogate");
  }
  return JSON.stringify(text);
}
