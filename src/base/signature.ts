/**
 * Signatures as values: who can sign, and the check that anyone can make. Two algorithms only:
 * ECDSA P-256 with SHA-256 (receipts and grants; the signature is ASN.1 DER) and Ed25519
 * (checkpoints). A public key is its SubjectPublicKeyInfo in DER (RFC 5280 §4.1), in one spelling.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";

export type SignatureAlgorithm = "ecdsa-p256-sha256" | "ed25519";

export interface Signer {
  readonly algorithm: SignatureAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** False for a wrong signature, a malformed one, a malformed key, and a key of another algorithm. */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const known = keyOf(publicKey);
    if (known.algorithm !== algorithm) return false;
    return verify(algorithm === "ed25519" ? null : "sha256", message, known.key, signature);
  } catch {
    return false;
  }
}

/** Undefined for a key of another algorithm or spelling; throws for bytes that are no public key. */
export function algorithmOf(publicKey: Uint8Array): SignatureAlgorithm | undefined {
  return keyOf(publicKey).algorithm;
}

interface KnownKey {
  readonly key: KeyObject;
  readonly algorithm: SignatureAlgorithm | undefined;
}

/**
 * Reading a key costs three times what checking a signature does, and the same few hosts sign again
 * and again. Kept by their very bytes: whatever those bytes say, they say it for ever.
 */
const keysKept = new Map<string, KnownKey>();
const keysKeptMax = 1_024;
/** Longer than any key of the two algorithms; other keys are not worth a place. */
const keptBytesMax = 128;

/** Throws for bytes that are no key. */
function keyOf(publicKey: Uint8Array): KnownKey {
  const der = Buffer.from(publicKey);
  const name = der.toString("latin1");
  const known = keysKept.get(name);
  if (known !== undefined) return known;
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  const read = { key, algorithm: kindOf(der) };
  if (der.length > keptBytesMax) return read;
  for (const oldest of keysKept.keys()) {
    if (keysKept.size < keysKeptMax) break;
    keysKept.delete(oldest);
  }
  keysKept.set(name, read);
  return read;
}

/**
 * The one spelling of each key: its head, and how many bytes follow. Keys are known, and revoked, by the digest
 * of their bytes, so that a compressed point, or a byte behind the end, would be a key that nobody has revoked.
 */
const spellings: readonly {
  readonly algorithm: SignatureAlgorithm;
  readonly head: Buffer;
  readonly bytes: number;
}[] = [
  {
    algorithm: "ecdsa-p256-sha256",
    head: Buffer.from("3059301306072a8648ce3d020106082a8648ce3d03010703420004", "hex"),
    bytes: 64,
  },
  { algorithm: "ed25519", head: Buffer.from("302a300506032b6570032100", "hex"), bytes: 32 },
];

function kindOf(der: Buffer): SignatureAlgorithm | undefined {
  return spellings.find(({ head, bytes }) => {
    return der.length === head.length + bytes && der.subarray(0, head.length).equals(head);
  })?.algorithm;
}
