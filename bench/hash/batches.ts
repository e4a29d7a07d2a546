/** H3: ten thousand short messages in one buffer, against a call for each. */
import { hash } from "node:crypto";
import { type HashAlgorithm, hashManyAsync, OwnedBytes } from "../../src/compute/native/hashing.js";
import type { Contest, Peer } from "../harness.js";
import { viewOf } from "./blake3.js";
import { CryptoPool } from "./crypto-pool.js";
import { blake3Arithmetic, sha256Arithmetic, smallest } from "./limits.js";
import { nodeCrypto } from "./peers.js";
import { blake3References, noReference, sha256References } from "./references.js";
import { type Family, kib, partsOf, randomBytes, threadsText } from "./setting.js";

const count = 10_000;
const sizes: readonly (readonly [name: string, bytes: number])[] = [
  ["64 B", 64],
  ["1 KiB", kib],
];
/** Least ratios to crypto.hash SHA-256; BLAKE3's is promised for messages of 1 KiB. */
const goals = { sha256: 4, blake3: 10 };
const names = { sha256: "SHA-256", blake3: "BLAKE3" };

export const batches: Family = {
  goals: "H3",
  threads: (all) => (all === 1 ? [1] : [1, all]),
  async *lines({ threads }) {
    for (const [sizeName, sizeBytes] of sizes) {
      const owned = OwnedBytes.take(randomBytes(count * sizeBytes));
      const messages = partsOf(await viewOf(owned), count);
      const sha256 = sha256References(messages);
      const wants = { sha256, blake3: blake3References(messages) };
      const pool = threads === 1 ? undefined : new CryptoPool(messages, threads);
      const peers = pool === undefined ? oneThread(messages, sha256) : [pooled(pool, sha256)];
      for (const algorithm of ["sha256", "blake3"] as const) {
        for (const peer of peers) {
          const promised = algorithm === "sha256" || sizeBytes === kib;
          yield {
            name: `H3 ${names[algorithm]}, 10 k messages of ${sizeName}, ${threadsText(threads)}`,
            work: count,
            unit: "messages",
            ours: {
              run: () => hashManyAsync({ data: owned, count }, { algorithm }),
              want: wants[algorithm],
            },
            peer,
            limit: () => limitOf(algorithm, threads, sizeBytes),
            ...(promised ? { goal: { ratio: goals[algorithm] } } : {}),
            note: wants[algorithm] === undefined ? noReference : undefined,
          } satisfies Contest;
        }
      }
      await pool?.close();
    }
  },
};

/** Each block in full, the one that holds only padding too. */
function limitOf(algorithm: HashAlgorithm, threads: number, sizeBytes: number) {
  if (algorithm === "blake3") return smallest(blake3Arithmetic(threads))(sizeBytes);
  return smallest(sha256Arithmetic(threads))(sha256BlockBytes(sizeBytes));
}

/** Bytes of the blocks of a message: nine are padding. */
export const sha256BlockBytes = (sizeBytes: number): number => Math.ceil((sizeBytes + 9) / 64) * 64;

/** Its digests as text, which is its default and faster, and as bytes, which ours are. */
function oneThread(messages: readonly Uint8Array[], want: string): Peer[] {
  return (["hex", "buffer"] as const).map((output) => ({
    name: `${nodeCrypto}, SHA-256 to ${output === "hex" ? "text" : "bytes"}`,
    run: () => messages.map((message) => hash("sha256", message, output)),
    want,
  }));
}

const pooled = (pool: CryptoPool, want: string): Peer => ({
  name: `${nodeCrypto}, SHA-256 in ${pool.size} workers`,
  run: () => pool.run(),
  want,
});
