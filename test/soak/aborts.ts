/**
 * Hashers, trees and tasks that are made and given up, over and over: the process must not grow, and no file
 * may stay open.
 */
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { seededRandom } from "../../src/base/random.js";
import {
  Hasher,
  hashAsync,
  hashFile,
  hashTree,
  MerkleFrontier,
  MerkleTree,
  OwnedBytes,
} from "../../src/compute/native/hashing.js";

const mib = 1024 * 1024;
const growthBytesMax = 24 * mib;
/** Pools of threads and of memory have found their size by then. */
const settledAt = 0.2;

export async function abortsLeaveNothing(
  count: number,
  seed: number,
  tell: (done: number) => void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "quipu-"));
  try {
    const file = join(folder, "sparse");
    writeFileSync(file, "");
    truncateSync(file, 64 * mib);
    const random = seededRandom(seed);
    const owned = OwnedBytes.copyOf(new Uint8Array(8 * mib));
    let settled: Usage | undefined;
    for (let done = 0; done < count; done += 1) {
      const [delay = 0] = random.bytes(1);
      await giveUp(folder, file, owned, delay / 64);
      if (done === Math.floor(count * settledAt)) settled = await usage();
      tell(done);
    }
    const after = await usage();
    if (settled === undefined) return;
    const grownBytes = after.residentBytes - settled.residentBytes;
    if (grownBytes > growthBytesMax) throw new Error(`the process grew by ${grownBytes} bytes`);
    if (after.openFiles > settled.openFiles) {
      throw new Error(`${after.openFiles - settled.openFiles} files stayed open`);
    }
    console.log(`aborts: grew by ${(grownBytes / mib).toFixed(1)} MiB after it had settled`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One of everything, aborted after a moment; each must end with CANCELLED or with its result. */
async function giveUp(
  folder: string,
  file: string,
  owned: OwnedBytes,
  delayMs: number,
): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  const hasher = new Hasher();
  const tasks = [
    hashAsync(owned, { signal }),
    hashAsync(new Uint8Array(mib), { algorithm: "sha256", signal }),
    hasher.updateAsync(owned, { signal }),
    hashFile(file, { signal }),
    hashFile(file, { algorithms: ["blake3"], signal }),
    hashTree(folder, { signal }),
    new MerkleTree().appendAsync({ data: owned, count: 4096 }, { signal }),
    new MerkleFrontier().appendAsync({ data: owned, count: 131_072 }, { signal }),
  ];
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  stop.abort();
  for (const outcome of await Promise.allSettled<unknown>(tasks)) {
    if (outcome.status === "fulfilled") continue;
    const { code } = outcome.reason as { code?: string };
    if (code !== "CANCELLED") throw outcome.reason;
  }
}

interface Usage {
  readonly residentBytes: number;
  readonly openFiles: number;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function usage(): Promise<Usage> {
  for (let i = 0; i < 3; i += 1) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    residentBytes: process.memoryUsage().rss,
    openFiles: readdirSync("/proc/self/fd").length,
  };
}
