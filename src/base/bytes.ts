/** Bytes as text and back, comparison and joining; digests as `algorithm:hex`. */
import { createHash, hash as hashOnce, hkdfSync } from "node:crypto";
import { QuipuError } from "./errors.js";

export function toHex(bytes: Uint8Array): string {
  return view(bytes).toString("hex");
}

export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
    throw new QuipuError("INVALID_ARGUMENT", `not lower-case hexadecimal: ${text.slice(0, 80)}`);
  }
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function toBase64(bytes: Uint8Array): string {
  return view(bytes).toString("base64");
}

/** Strict base64 (RFC 4648 §4): other alphabets, missing padding and stray bits are refused. */
export function fromBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) {
    throw new QuipuError("INVALID_ARGUMENT", `not canonical base64: ${text.slice(0, 80)}`);
  }
  return new Uint8Array(bytes);
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return view(a).equals(view(b));
}

/** SHA-256 of the concatenation of `parts`; 32 bytes. For megabytes and more use the native room. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) {
    return new Uint8Array(hashOnce("sha256", first, "buffer")); // without a hash object: twice as fast
  }
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** HKDF with SHA-256 and no salt (RFC 5869): whoever has some of the bytes learns nothing of the others. */
export function derivedBytes(secret: Uint8Array, purpose: string, count: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, "", purpose, count));
}

/** `sha256:HEX`, the name of an artifact. */
export type Digest = `sha256:${string}`;

const digestPattern = /^sha256:[0-9a-f]{64}$/;

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${toHex(sha256(bytes))}`;
}

/** The 64 hexadecimal digits of a digest alone. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

export function isDigest(text: string): text is Digest {
  return digestPattern.test(text);
}

export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new QuipuError("INVALID_ARGUMENT", `not a digest: ${text.slice(0, 100)}`, {
    next: "write it as sha256: and 64 lower-case hexadecimal digits",
  });
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
