/**
 * Signed notes (C2SP signed-note), by the Ed25519 keys of logs and, with the time, of witnesses (C2SP
 * tlog-cosignature). Frozen: the texts that are signed and the line layout; other tools verify them.
 */
import { concatBytes, equalBytes, fromBase64, toBase64 } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type Signer, verifySignature } from "../../base/signature.js";
import { ed25519Spki, keyId, type VerifierKey, verifierKeyOf } from "./verifier-key.js";

export const noteBytesMax = 64 * 1024;
export const noteSignaturesMax = 64;

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

/** Who signed; a witness says when. */
export interface NoteSigner {
  readonly key: VerifierKey;
  readonly signature: NoteSignature;
  /** Seconds since 1970, by the witness's clock. */
  readonly timeS?: number;
}

const timeBytes = 8;
const signatureBytes = 64;
const encoder = new TextEncoder();

export function signNote(text: string, name: string, signer: Signer): string {
  const key = verifierKeyOf(signer, name);
  checkText(text);
  const signature = signer.sign(encoder.encode(text));
  return `${text}\n${signatureLine({ name, keyId: keyId(key), signature })}`;
}

/** A witness's signature line on a note's text. */
export function cosignNote(text: string, name: string, signer: Signer, timeS: number): string {
  const key = verifierKeyOf(signer, name, "witness");
  checkText(text);
  const time = new Uint8Array(timeBytes);
  new DataView(time.buffer).setBigUint64(0, BigInt(timeS));
  const signature = concatBytes(time, signer.sign(cosignedBytes(text, BigInt(timeS))));
  return signatureLine({ name, keyId: keyId(key), signature });
}

function cosignedBytes(text: string, timeS: bigint): Uint8Array {
  return encoder.encode(`cosignature/v1\ntime ${timeS}\n${text}`);
}

/** With the newline at its end. */
export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  return `\u2014 ${name} ${toBase64(concatBytes(keyId, signature))}\n`;
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
 * Who of `keys` signed the note. Signatures of unknown keys are passed over; a wrong signature of a
 * known key makes the whole note wrong.
 */
export function verifyNote(note: SignedNote, keys: readonly VerifierKey[]): readonly NoteSigner[] {
  return note.signatures.flatMap((signature) => {
    const key = keys.find(
      (known) => known.name === signature.name && equalBytes(keyId(known), signature.keyId),
    );
    return key === undefined ? [] : [signerOf(note.text, key, signature)];
  });
}

function signerOf(text: string, key: VerifierKey, signature: NoteSignature): NoteSigner {
  const bytes = signature.signature;
  if (key.kind === "log") {
    if (isSigned(key, encoder.encode(text), bytes)) return { key, signature };
  } else if (bytes.length === timeBytes + signatureBytes) {
    const timeS = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
    const isTime = timeS <= BigInt(Number.MAX_SAFE_INTEGER);
    if (isTime && isSigned(key, cosignedBytes(text, timeS), bytes.subarray(timeBytes))) {
      return { key, signature, timeS: Number(timeS) };
    }
  }
  throw new QuipuError("VERIFICATION_FAILED", `the note's signature by ${key.name} is wrong`);
}

function isSigned({ publicKey }: VerifierKey, message: Uint8Array, signature: Uint8Array): boolean {
  return verifySignature("ed25519", ed25519Spki(publicKey), message, signature);
}

function checkText(text: string): void {
  const bad = [...text].some((char) => char !== "\n" && char < " ");
  if (!text.endsWith("\n") || bad || !text.isWellFormed()) {
    throw malformedNote("its text has control characters or no final newline");
  }
}

function malformedNote(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `not a signed note: ${why}`);
}
