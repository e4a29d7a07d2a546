/**
 * Keys that sign notes, as text that verifiers are configured with (C2SP signed-note, tlog-cosignature).
 * Frozen: the type bytes and what a key's id is taken over; other tools compute the same.
 */
import { concatBytes, fromBase64, sha256, toBase64, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { Signer } from "../../base/signature.js";

/** A log signs its own checkpoints, a witness those of others and the time at which it did. */
export type NoteKeyKind = "log" | "witness";

/** A key that signs notes under a name. */
export interface VerifierKey {
  readonly kind: NoteKeyKind;
  readonly name: string;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

const typeBytes: Readonly<Record<NoteKeyKind, number>> = { log: 0x01, witness: 0x04 };
/** SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410 §4). */
const ed25519SpkiPrefix = Uint8Array.from([48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0]);

/** The full hash; the first four bytes are the key id of a note's signature line. */
export function fullKeyId({ kind, name, publicKey }: VerifierKey): Uint8Array {
  return sha256(new TextEncoder().encode(`${name}\n`), Uint8Array.of(typeBytes[kind]), publicKey);
}

export function keyId(key: VerifierKey): Uint8Array {
  return fullKeyId(key).slice(0, 4);
}

/** SubjectPublicKeyInfo (DER) of a raw Ed25519 public key. */
export function ed25519Spki(publicKey: Uint8Array): Uint8Array {
  return concatBytes(ed25519SpkiPrefix, publicKey);
}

/** The key under which `signer` signs notes as `name`. */
export function verifierKeyOf(
  signer: Signer,
  name: string,
  kind: NoteKeyKind = "log",
): VerifierKey {
  if (signer.algorithm !== "ed25519") {
    throw new QuipuError("INVALID_ARGUMENT", `a ${signer.algorithm} key cannot sign notes`);
  }
  return { kind, name: checkedName(name), publicKey: rawKeyOf(signer.publicKey) };
}

/** The 32 bytes in the SubjectPublicKeyInfo of an Ed25519 key. */
export function rawKeyOf(spki: Uint8Array): Uint8Array {
  const publicKey = spki.slice(ed25519SpkiPrefix.length);
  if (toHex(ed25519Spki(publicKey)) === toHex(spki) && publicKey.length === 32) return publicKey;
  throw new QuipuError("INVALID_ARGUMENT", "not the SubjectPublicKeyInfo of an Ed25519 key");
}

/** `name+keyid+base64`, as verifiers are configured with. */
export function formatVerifierKey(key: VerifierKey): string {
  const material = concatBytes(Uint8Array.of(typeBytes[key.kind]), key.publicKey);
  return `${key.name}+${toHex(keyId(key))}+${toBase64(material)}`;
}

/** Only a key of this kind; INVALID_ARGUMENT for every other text. */
export function parseVerifierKey(text: string, kind: NoteKeyKind = "log"): VerifierKey {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text);
  if (match === null || text.length > 1024) throw malformed(text, kind);
  const [, name = "", id = "", material = ""] = match;
  const bytes = fromBase64(material);
  const key = { kind, name, publicKey: bytes.slice(1) };
  if (bytes.length !== 33 || bytes[0] !== typeBytes[kind] || toHex(keyId(key)) !== id) {
    throw malformed(text, kind);
  }
  return key;
}

function checkedName(name: string): string {
  if (/^[^\s+]{1,255}$/u.test(name)) return name;
  throw new QuipuError("INVALID_ARGUMENT", `not a key name: ${name.slice(0, 80)}`, {
    next: "use a schema-less URL without spaces and plus signs, for example log.example.com/quipu",
  });
}

function malformed(text: string, kind: NoteKeyKind): QuipuError {
  return new QuipuError(
    "INVALID_ARGUMENT",
    `not a verifier key of a ${kind}: ${text.slice(0, 120)}`,
    { next: `write it as NAME+KEYID+BASE64, as the ${kind}'s operator publishes it` },
  );
}
