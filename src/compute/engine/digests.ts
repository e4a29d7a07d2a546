/** The two digests of an output, taken natively over its very bytes. */
import { type Digest, toHex } from "../../base/bytes.js";
import { hashAsync, OwnedBytes, synchronousBytesMax } from "../native/hashing.js";

export interface Digests {
  readonly sha256: Digest;
  /** 64 hexadecimal digits. */
  readonly blake3: string;
}

/** Memory that is not handed over is copied, unless it is little, which is hashed at once. */
export async function digestsOf(bytes: Uint8Array | OwnedBytes): Promise<Digests> {
  const isReady = bytes instanceof OwnedBytes || bytes.length <= synchronousBytesMax;
  const owned = isReady ? bytes : OwnedBytes.copyOf(bytes);
  const [sha256, blake3] = await Promise.all([
    hashAsync(owned, { algorithm: "sha256" }),
    hashAsync(owned, { algorithm: "blake3" }),
  ]);
  return { sha256: `sha256:${toHex(sha256)}`, blake3: toHex(blake3) };
}
