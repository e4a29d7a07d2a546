/** H1: BLAKE3 of a Buffer from JavaScript, on one thread, over the very memory that the peers read. */
import {
  hash,
  hashAsync,
  OwnedBytes,
  synchronousBytesMax,
} from "../../src/compute/native/hashing.js";
import { lendBytes } from "../../src/compute/native/owned-bytes.js";
import type { Contest } from "../harness.js";
import { blake3Arithmetic, memoryReads, smallest } from "./limits.js";
import { blake3Peers } from "./peers.js";
import { blake3Reference, noReference } from "./references.js";
import { type Family, gib, kib, mib, randomBytes } from "./setting.js";

/** Least ratios to the C library, to hash-wasm and to npm's blake3. */
const sizes: readonly (readonly [name: string, bytes: number, ratios: readonly number[]])[] = [
  ["64 KiB", 64 * kib, [0.95, 7, 1.4]],
  ["16 MiB", 16 * mib, [0.95, 7, 1]],
  ["1 GiB", gib, [0.95, 7, 1]],
];

export const blake3: Family = {
  goals: "H1",
  threads: () => [1],
  async *lines() {
    const peers = await blake3Peers();
    for (const [name, sizeBytes, ratios] of sizes) {
      const owned = OwnedBytes.take(randomBytes(sizeBytes));
      const bytes = await viewOf(owned);
      const want = blake3Reference(bytes);
      const small = sizeBytes <= synchronousBytesMax;
      for (const [i, peer] of peers.entries()) {
        yield {
          name: `H1 BLAKE3, ${name}, ${small ? "hash" : "hashAsync"}, 1 thread`,
          work: sizeBytes,
          unit: "B",
          ours: { run: () => (small ? hash(bytes) : hashAsync(owned)), want },
          peer:
            typeof peer === "string"
              ? peer
              : { name: peer.name, run: () => peer.hash(bytes), want },
          limit: smallest(blake3Arithmetic(1), memoryReads(bytes, 1)),
          goal: { ratio: ratios[i] ?? 1 },
          note: want === undefined ? noReference : undefined,
        } satisfies Contest;
      }
    }
  },
};

/** For peers to read what ours reads, page for page. Nobody writes it. */
export async function viewOf(owned: OwnedBytes): Promise<Uint8Array> {
  let view: Uint8Array = new Uint8Array(0);
  await lendBytes(owned, async (bytes) => {
    view = bytes;
  });
  return view;
}
