/** H4: one short SHA-256 at a time; and one long one. */
import { createHash, hash as cryptoHash } from "node:crypto";
import { hash, hashAsync, OwnedBytes } from "../../src/compute/native/hashing.js";
import type { Contest } from "../harness.js";
import { sha256BlockBytes } from "./batches.js";
import { viewOf } from "./blake3.js";
import { sha256Chain, smallest } from "./limits.js";
import { nodeCrypto } from "./peers.js";
import { sha256References } from "./references.js";
import { type Family, kib, mib, randomBytes } from "./setting.js";

/** Calls of one turn: the harness around a single one would weigh in it. */
const calls = 100;
const options = { algorithm: "sha256" } as const;

export const oneShot: Family = {
  goals: "H4",
  threads: () => [1],
  async *lines() {
    const data = randomBytes(kib);
    const want = sha256References([data]);
    for (const output of ["hex", "buffer"] as const) {
      yield {
        name: "H4 SHA-256, one message of 1 KiB, hash",
        work: calls,
        unit: "messages",
        ours: { run: () => repeat(() => hash(data, options)), want },
        peer: {
          name: `${nodeCrypto}, to ${output === "hex" ? "text" : "bytes"}`,
          run: () => repeat(() => cryptoHash("sha256", data, output)),
          want,
        },
        limit: () => smallest(sha256Chain)(sha256BlockBytes(kib)),
        goal: { ratio: 1.3 },
      } satisfies Contest;
    }
    yield await long();
  },
};

function repeat<T>(call: () => T): T {
  for (let i = 1; i < calls; i += 1) call();
  return call();
}

async function long(): Promise<Contest> {
  const owned = OwnedBytes.take(randomBytes(16 * mib));
  const bytes = await viewOf(owned);
  const want = sha256References([bytes]);
  return {
    name: "SHA-256, 16 MiB, hashAsync, 1 thread",
    work: bytes.length,
    unit: "B",
    ours: { run: () => hashAsync(owned, options), want },
    peer: {
      name: `node:crypto, OpenSSL ${process.versions.openssl}`,
      run: () => createHash("sha256").update(bytes).digest(),
      want,
    },
    limit: smallest(sha256Chain),
  };
}
