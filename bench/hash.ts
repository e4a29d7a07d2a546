/** Hashing against what a user has today: `b3sum`, node:crypto, and a Merkle tree over node:crypto. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashAsync, hashFile, MerkleFrontier } from "../src/compute/native/hashing.js";
import { bench, type Contest } from "./harness.js";

const kib = 1024;
const mib = 1024 * kib;
const nodeCrypto = `node:crypto, OpenSSL ${process.versions.openssl}`;
const zero = Uint8Array.of(0);
const one = Uint8Array.of(1);
const blake3 = hashAsync;
const sha256 = (data: Uint8Array) => hashAsync(data, { algorithm: "sha256" });
const cryptoSha256 = (data: Uint8Array): Buffer => createHash("sha256").update(data).digest();

const folder = mkdtempSync(join(tmpdir(), "quipu-"));
try {
  const large = randomBytes(64 * mib);
  const path = join(folder, "large");
  writeFileSync(path, large);
  await bench("hash", [
    ...blake3Contests(large, path),
    ...sha256Contests(large, path),
    merkleContest(20_000, 64),
    merkleContest(4_000, 1024),
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function blake3Contests(large: Uint8Array, path: string): Contest[] {
  const small = large.subarray(0, 64 * kib);
  const medium = large.subarray(0, 16 * mib);
  const portable = (data: Uint8Array) => ({
    name: "our portable build",
    run: () => blake3(data, { backend: "portable" }),
  });
  return [
    {
      name: "BLAKE3 1 KiB",
      ...bytes(kib),
      ours: () => blake3(small.subarray(0, kib)),
      peer: portable(small.subarray(0, kib)),
    },
    { name: "BLAKE3 64 KiB", ...bytes(64 * kib), ours: () => blake3(small), peer: portable(small) },
    {
      name: "BLAKE3 16 MiB",
      ...bytes(16 * mib),
      ours: () => blake3(medium),
      peer: portable(medium),
    },
    {
      name: "BLAKE3 64 MiB, all threads",
      ...bytes(large.length),
      ours: () => blake3(large),
      ...b3sum(large, path),
    },
  ];
}

/** b3sum over the same bytes in a cached file, its start-up taken off. */
function b3sum(large: Uint8Array, path: string): Pick<Contest, "peer" | "peerOverheadMs"> {
  const version = spawnSync("b3sum", ["--version"], { encoding: "utf8" }).stdout?.trim();
  if (version === undefined || version === "") return { peer: "b3sum is not installed" };
  const run = (file: string): string => execFileSync("b3sum", ["--no-names", file]).toString();
  const starts = Array.from({ length: 9 }, () => {
    const start = performance.now();
    run("/dev/null");
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return { peer: { name: version, run: () => run(path) }, peerOverheadMs: starts[4] ?? 0 };
}

function sha256Contests(large: Uint8Array, path: string): Contest[] {
  const sizes: readonly [string, number][] = [
    ["SHA-256 64 B", 64],
    ["SHA-256 1 KiB", kib],
    ["SHA-256 64 KiB", 64 * kib],
    ["SHA-256 16 MiB", 16 * mib],
  ];
  return [
    ...sizes.map(([name, size]): Contest => {
      const data = large.subarray(0, size);
      return {
        name,
        ...bytes(size),
        ours: () => sha256(data),
        peer: { name: nodeCrypto, run: () => cryptoSha256(data) },
      };
    }),
    {
      name: "file of 64 MiB, SHA-256 and BLAKE3",
      ...bytes(large.length),
      ours: () => hashFile(path),
      peer: { name: `${nodeCrypto}, SHA-256 only`, run: () => cryptoSha256(readFileSync(path)) },
    },
  ];
}

function merkleContest(count: number, size: number): Contest {
  const data = randomBytes(count * size);
  const leaves = Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
  const tree = (): Buffer => {
    let level = leaves.map((leaf) => createHash("sha256").update(zero).update(leaf).digest());
    while (level.length > 1) {
      const above: typeof level = [];
      for (let i = 0; i < level.length; i += 2) {
        const [left, right] = [level[i], level[i + 1]];
        if (left === undefined) break;
        above.push(
          right === undefined
            ? left
            : createHash("sha256").update(one).update(left).update(right).digest(),
        );
      }
      level = above;
    }
    return level[0] ?? cryptoSha256(new Uint8Array(0));
  };
  return {
    name: `Merkle root, ${count / 1000} k leaves of ${size} B`,
    work: count,
    unit: "leaves",
    ours: () => new MerkleFrontier().appendAsync(leaves),
    peer: { name: nodeCrypto, run: tree },
  };
}

function bytes(work: number): Pick<Contest, "work" | "unit"> {
  return { work, unit: "B" };
}

/** Cheap bytes that no hash can find easy: a xorshift stream. */
function randomBytes(size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}
