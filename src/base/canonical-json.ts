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
    if (Number.isFinite(value)) return String(value);
    throw new QuipuError("INVALID_ARGUMENT", `canonical JSON has no form for ${value}`);
  }
  if (Array.isArray(value)) return arrayText(value);
  if (typeof value === "object") return objectText(value as Readonly<Record<string, unknown>>);
  throw new QuipuError("INVALID_ARGUMENT", `canonical JSON has no form for a ${typeof value}`);
}

function arrayText(members: readonly unknown[]): string {
  let text = "[";
  for (let i = 0; i < members.length; i += 1) {
    if (i > 0) text += ",";
    text += canonicalJson(members[i]);
  }
  return `${text}]`;
}

function objectText(value: Readonly<Record<string, unknown>>): string {
  let text = "{";
  // By UTF-16 code units, RFC 8785 §3.2.3, which is how JavaScript compares strings.
  for (const key of ascending(Object.keys(value))) {
    const member = value[key];
    if (member === undefined) continue;
    if (text.length > 1) text += ",";
    text += keyText(key) + canonicalJson(member);
  }
  return `${text}}`;
}

/** Keys are few and come again and again; those beyond so many are written anew each time. */
const keysKeptMax = 1024;
const keysKept = new Map<string, string>();

function keyText(key: string): string {
  const known = keysKept.get(key);
  if (known !== undefined) return known;
  const text = `${quote(key)}:`;
  if (keysKept.size < keysKeptMax) keysKept.set(key, text);
  return text;
}

const insertedMax = 24;

/** Few keys, most of them in order, as records have them: putting each in its place beats a general sort. */
function ascending(keys: string[]): string[] {
  if (keys.length > insertedMax) return keys.sort();
  for (let i = 1; i < keys.length; i += 1) {
    const key = keys[i] as string;
    let at = i;
    while (at > 0 && (keys[at - 1] as string) > key) {
      keys[at] = keys[at - 1] as string;
      at -= 1;
    }
    keys[at] = key;
  }
  return keys;
}

/** UTF-8 bytes of `canonicalJson(value)`. */
export function canonicalBytes(value: unknown): Uint8Array {
  return encoder.encode(canonicalJson(value));
}

/** What is written as it is: no escapes, no surrogates. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\ud7ff\ue000-\uffff]*$/;

function quote(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) {
    throw new QuipuError("INVALID_ARGUMENT", "canonical JSON has no form for a lone surrogate");
  }
  return JSON.stringify(text);
}
