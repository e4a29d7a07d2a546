/**
 * Signatures as values: who can sign, and the check that anyone can make. Two algorithms only:
 * ECDSA P-256 with SHA-256 (receipts and grants; the signature is ASN.1 DER) and Ed25519
 * (checkpoints). A public key is its SubjectPublicKeyInfo in DER (RFC 5280 §4.1).
 */
import { createPublicKey, verify } from "node:crypto";

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
    const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
    if (algorithm === "ed25519") {
      return key.asymmetricKeyType === "ed25519" && verify(null, message, key, signature);
    }
    const curve = key.asymmetricKeyDetails?.namedCurve;
    return curve === "prime256v1" && verify("sha256", message, key, signature);
  } catch {
    return false;
  }
}
