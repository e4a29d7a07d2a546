/**
 * DSSE v1 around a statement: ECDSA P-256 over the pre-authentication encoding. Frozen: the payload
 * type, the encoding that is signed, and one signature an envelope (all that a bundle may carry).
 */
import { concatBytes, equalBytes, fromBase64, sha256, toBase64, toHex } from "../../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { type Signer, verifySignature } from "../../base/signature.js";
import { parseStrictJson } from "../../base/strict-json.js";
import type { Statement } from "../../model/statement.js";
import { entryBytesMax } from "../tlog/tile.js";
import { parseStatement, statementBytes } from "./statement.js";

export const payloadType = "application/vnd.in-toto+json";
/** Base64 grows the payload by a third. */
export const envelopeBytesMax = limits.statementBytesMax * 2;

const encoder = new TextEncoder();

export interface Envelope {
  readonly payload: Uint8Array;
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** Name of a receipt key: hexadecimal SHA-256 of its SubjectPublicKeyInfo. */
export function receiptKeyId(publicKey: Uint8Array): string {
  return toHex(sha256(publicKey));
}

/** What is really signed: `DSSEv1 LENGTH TYPE LENGTH PAYLOAD`. */
export function preAuthEncoding(payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
  return concatBytes(encoder.encode(head), payload);
}

export function sealEnvelope(statement: Statement, signer: Signer): Uint8Array {
  return sealPayload(statementBytes(statement), signer);
}

/** `payload`: canonical bytes of a statement that keeps its rules. */
export function sealPayload(payload: Uint8Array, signer: Signer): Uint8Array {
  if (signer.algorithm !== "ecdsa-p256-sha256") {
    throw new QuipuError("INVALID_ARGUMENT", `a ${signer.algorithm} key cannot sign receipts`);
  }
  const signature = signer.sign(preAuthEncoding(payload));
  const keyId = receiptKeyId(signer.publicKey);
  return canonicalBytes(envelopeJson({ payload, keyId, signature }));
}

export interface EnvelopeJson {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

export function envelopeJson({ payload, keyId, signature }: Envelope): EnvelopeJson {
  return {
    payload: toBase64(payload),
    payloadType,
    signatures: [{ keyid: keyId, sig: toBase64(signature) }],
  };
}

export function parseEnvelope(bytes: Uint8Array): Envelope {
  return envelopeFromJson(parseStrictJson(bytes, "envelope", envelopeBytesMax));
}

/** Takes out the three values, then demands that nothing else was there. */
export function envelopeFromJson(value: unknown): Envelope {
  const json = value as Partial<EnvelopeJson> | null;
  const [first] = Array.isArray(json?.signatures) ? json.signatures : [];
  const [payload, keyId, signature] = [json?.payload, first?.keyid, first?.sig];
  if (typeof payload !== "string" || typeof keyId !== "string" || typeof signature !== "string") {
    throw refuse("payload, keyid or sig is missing");
  }
  const envelope = { payload: decode(payload), keyId, signature: decode(signature) };
  if (canonicalJson(envelopeJson(envelope)) !== canonicalJson(value)) {
    throw refuse("it has other fields, another payload type, or more than one signature");
  }
  return envelope;
}

function decode(text: string): Uint8Array {
  try {
    return fromBase64(text);
  } catch {
    throw refuse("a value is not canonical base64");
  }
}

/** The statement, if the envelope is signed by this very key and keeps every rule. */
export function openEnvelope(bytes: Uint8Array, publicKey: Uint8Array): Statement {
  const envelope = parseEnvelope(bytes);
  checkEnvelope(envelope, publicKey);
  return parseStatement(envelope.payload);
}

export function checkEnvelope(envelope: Envelope, publicKey: Uint8Array): void {
  const { payload, keyId, signature } = envelope;
  if (keyId !== receiptKeyId(publicKey)) {
    throw refuse(`it names key ${keyId.slice(0, 64)}, not ${receiptKeyId(publicKey)}`);
  }
  const message = preAuthEncoding(payload);
  if (!verifySignature("ecdsa-p256-sha256", publicKey, message, signature)) {
    throw refuse(`its signature by key ${keyId} is wrong`);
  }
}

/**
 * The log entry: a hashedrekord 0.0.2 record in canonical JSON. Only hashes, the signature and the
 * key become public. Frozen: its hash is the leaf.
 */
export function entryOf(envelopeBytes: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const envelope = parseEnvelope(envelopeBytes);
  checkEnvelope(envelope, publicKey);
  return entryBytes(envelope, publicKey);
}

export function entryBytes({ payload, signature }: Envelope, publicKey: Uint8Array): Uint8Array {
  return recordBytes(sha256(preAuthEncoding(payload)), signature, publicKey);
}

/** `digest`: of the pre-authentication encoding. */
function recordBytes(digest: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return canonicalBytes({
    apiVersion: "0.0.2",
    kind: "hashedrekord",
    spec: {
      hashedRekordV002: {
        data: { algorithm: "SHA2_256", digest: toBase64(digest) },
        signature: {
          content: toBase64(signature),
          verifier: {
            keyDetails: "PKIX_ECDSA_P256_SHA_256",
            publicKey: { rawBytes: toBase64(publicKey) },
          },
        },
      },
    },
  });
}

/** The signer's key that an entry names; whether it is the entry of an envelope is another question. */
export function keyOfEntry(entry: Uint8Array): Uint8Array {
  const key = signatureOf(entry)?.verifier?.publicKey?.rawBytes;
  if (typeof key === "string") return decode(key);
  throw refuse("its log entry names no key");
}

export function isEntryOf(entry: Uint8Array, envelope: Envelope, publicKey: Uint8Array): boolean {
  return equalBytes(entry, entryBytes(envelope, publicKey));
}

/** Whether it is of an envelope with this digest that this key has signed; its signature is not checked. */
export function isEntryOver(entry: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean {
  const content = signatureOf(entry)?.content;
  if (typeof content !== "string") throw refuse("its log entry has no signature");
  return equalBytes(entry, recordBytes(digest, decode(content), publicKey));
}

interface EntrySignature {
  readonly content?: unknown;
  readonly verifier?: { readonly publicKey?: { readonly rawBytes?: unknown } };
}

function signatureOf(entry: Uint8Array): EntrySignature | undefined {
  const value = parseStrictJson(entry, "log entry", entryBytesMax) as {
    readonly spec?: { readonly hashedRekordV002?: { readonly signature?: EntrySignature } };
  } | null;
  return value?.spec?.hashedRekordV002?.signature;
}

function refuse(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `not an acceptable receipt envelope: ${why}`);
}
