/** The two digests of an output, taken natively over its very bytes. */
import { type Digest, toHex } from "../../base/bytes.js";
import { hashAsync, OwnedBytes } from "../native/hashing.js";

export interface Digests {
  readonly sha256: Digest;
  /** 64 hexadecimal digits. */
  readonly blake3: string;
}

export async function digestsOf(bytes: Uint8Array): Promise<Digests> {
  const copy = OwnedBytes.copyOf(bytes);
  const [sha256, blake3] = await Promise.all([
    hashAsync(copy, { algorithm: "sha256" }),
    hashAsync(copy, { algorithm: "blake3" }),
  ]);
  return { sha256: `sha256:${toHex(sha256)}`, blake3: toHex(blake3) };
}
