/**
 * Signed notes (C2SP signed-note) with Ed25519 keys. Frozen: the text that is signed, the key id
 * and the line layout; other tools verify them.
 */
import { concatBytes, fromBase64, sha256, toBase64, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type Signer, verifySignature } from "../../base/signature.js";

export const noteBytesMax = 64 * 1024;
export const noteSignaturesMax = 64;

/** A key that signs notes under a name. */
export interface VerifierKey {
  readonly name: string;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

export interface NoteSignature {
  readonly name: string;
  /** Four bytes. */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

export interface SignedNote {
  /** Signed bytes as text, with the final newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const ed25519Type = 0x01;
/** SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410 §4). */
const ed25519SpkiPrefix = Uint8Array.from([48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0]);
const encoder = new TextEncoder();

/** The full hash; the first four bytes are the key id of a note's signature line. */
export function fullKeyId({ name, publicKey }: VerifierKey): Uint8Array {
  return sha256(encoder.encode(`${name}\n`), Uint8Array.of(ed25519Type), publicKey);
}

export function keyId(key: VerifierKey): Uint8Array {
  return fullKeyId(key).slice(0, 4);
}

/** SubjectPublicKeyInfo (DER) of a raw Ed25519 public key. */
export function ed25519Spki(publicKey: Uint8Array): Uint8Array {
  return concatBytes(ed25519SpkiPrefix, publicKey);
}

/** The key under which `signer` signs notes as `name`. */
export function verifierKeyOf(signer: Signer, name: string): VerifierKey {
  if (signer.algorithm !== "ed25519") {
    throw new QuipuError("INVALID_ARGUMENT", `a ${signer.algorithm} key cannot sign notes`);
  }
  return verifierKeyFromSpki(name, signer.publicKey);
}

export function verifierKeyFromSpki(name: string, spki: Uint8Array): VerifierKey {
  const publicKey = spki.slice(ed25519SpkiPrefix.length);
  if (toHex(ed25519Spki(publicKey)) !== toHex(spki) || publicKey.length !== 32) {
    throw new QuipuError("INVALID_ARGUMENT", "not the SubjectPublicKeyInfo of an Ed25519 key");
  }
  return { name: checkedName(name), publicKey };
}

/** `name+keyid+base64`, as verifiers are configured with. */
export function formatVerifierKey(key: VerifierKey): string {
  const material = concatBytes(Uint8Array.of(ed25519Type), key.publicKey);
  return `${key.name}+${toHex(keyId(key))}+${toBase64(material)}`;
}

export function parseVerifierKey(text: string): VerifierKey {
  const malformed = new QuipuError(
    "INVALID_ARGUMENT",
    `not a verifier key: ${text.slice(0, 120)}`,
    { next: "write it as NAME+KEYID+BASE64, as the log's operator publishes it" },
  );
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text);
  if (match === null || text.length > 1024) throw malformed;
  const [, name = "", id = "", material = ""] = match;
  const bytes = fromBase64(material);
  const key = { name, publicKey: bytes.slice(1) };
  if (bytes.length !== 33 || bytes[0] !== ed25519Type || toHex(keyId(key)) !== id) throw malformed;
  return key;
}

export function signNote(text: string, name: string, signer: Signer): string {
  const key = verifierKeyOf(signer, name);
  checkText(text);
  const signature = concatBytes(keyId(key), signer.sign(encoder.encode(text)));
  return `${text}\n\u2014 ${key.name} ${toBase64(signature)}\n`;
}

/** Splits a note strictly; nothing in it may be believed before `verifyNote`. */
export function parseNote(note: string): SignedNote {
  if (note.length > noteBytesMax) throw malformedNote("it is too long");
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n")) throw malformedNote("no blank line before signatures");
  const text = note.slice(0, split + 1);
  checkText(text);
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > noteSignaturesMax) throw malformedNote("it has too many signatures");
  return { text, signatures: lines.map(parseSignatureLine) };
}

function parseSignatureLine(line: string): NoteSignature {
  const match = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)$/u.exec(line);
  if (match === null) throw malformedNote("a signature line is not dash, name, base64");
  const [, name = "", encoded = ""] = match;
  const bytes = fromBase64(encoded);
  if (bytes.length < 5) throw malformedNote("a signature is too short");
  return { name, keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
}

/**
 * The names of `keys` that signed the note. Signatures of unknown keys are passed over; a wrong
 * signature of a known key makes the whole note wrong.
 */
export function verifyNote(note: SignedNote, keys: readonly VerifierKey[]): readonly string[] {
  const message = encoder.encode(note.text);
  const signers: string[] = [];
  for (const { name, keyId: id, signature } of note.signatures) {
    const key = keys.find((known) => known.name === name && toHex(keyId(known)) === toHex(id));
    if (key === undefined) continue;
    if (!verifySignature("ed25519", ed25519Spki(key.publicKey), message, signature)) {
      throw new QuipuError("VERIFICATION_FAILED", `the note's signature by ${name} is wrong`);
    }
    signers.push(name);
  }
  return signers;
}

function checkText(text: string): void {
  const bad = [...text].some((char) => char !== "\n" && char < " ");
  if (!text.endsWith("\n") || bad || !text.isWellFormed()) {
    throw malformedNote("its text has control characters or no final newline");
  }
}

function checkedName(name: string): string {
  if (/^[^\s+]{1,255}$/u.test(name)) return name;
  throw new QuipuError("INVALID_ARGUMENT", `not a key name: ${name.slice(0, 80)}`, {
    next: "use a schema-less URL without spaces and plus signs, for example log.example.com/quipu",
  });
}

function malformedNote(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `not a signed note: ${why}`);
}
