/** Hashing in steps, as a value, so that a faster implementation can be passed in. */
import { createHash } from "node:crypto";

export interface Hasher {
  /** The bytes are read before this returns. */
  update(bytes: Uint8Array): void;
  /** Ends the hash. */
  digest(): Uint8Array;
}

export function sha256Hasher(): Hasher {
  const hash = createHash("sha256");
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => new Uint8Array(hash.digest()),
  };
}
