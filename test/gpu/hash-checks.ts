/** BLAKE3 and RFC 6962 trees on the device. */
import { toHex } from "../../src/base/bytes.js";
import {
  Blake3Hasher,
  blake3,
  blake3Async,
  merkleRoot,
  sha256,
} from "../../src/compute/native/hashing.js";
import type { GpuCheck } from "./check.js";

const kib = 1024;
const mib = 1024 * kib;

/** Inputs under 4 MiB stay on the CPU, so lengths begin there. */
const blake3Lengths: readonly number[] = [
  0,
  1,
  kib,
  4 * mib - 1,
  4 * mib,
  4 * mib + 1,
  8 * mib,
  13 * mib + 777,
  256 * mib,
  512 * mib + 3 * kib + 5,
];

function input(size: number): Uint8Array {
  const block = Uint8Array.from({ length: Math.min(size, 251 * 4096) }, (_, i) => i % 251);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += block.length) {
    bytes.set(block.subarray(0, Math.min(block.length, size - at)), at);
  }
  return bytes;
}

function compare(got: Uint8Array, want: Uint8Array): string | undefined {
  const [a, b] = [toHex(got), toHex(want)];
  return a === b ? undefined : `device ${a}, portable ${b}`;
}

const blake3Checks = blake3Lengths.map(
  (size): GpuCheck => ({
    name: `BLAKE3 of ${size} bytes`,
    check: async () => {
      const bytes = input(size);
      const modes = [{}, { key: new Uint8Array(32).fill(7) }, { context: "quipu gpu test" }];
      for (const mode of modes) {
        const want = blake3(bytes, { ...mode, backend: "portable", length: 99 });
        const got = await blake3Async(bytes, { ...mode, backend: "cuda", length: 99 });
        const fault = compare(got, want);
        if (fault !== undefined) return `${JSON.stringify(Object.keys(mode))} ${fault}`;
      }
      return undefined;
    },
  }),
);

const incremental: GpuCheck = {
  name: "BLAKE3 in pieces",
  check: () => {
    const bytes = input(40 * mib + 99);
    const hasher = new Blake3Hasher({ backend: "cuda" });
    for (let at = 0; at < bytes.length; at += 9 * mib + 1) {
      hasher.update(bytes.subarray(at, at + 9 * mib + 1));
    }
    return compare(hasher.digest(), blake3(bytes, { backend: "portable" }));
  },
};

const merkleChecks = [1, 2, 3, 7, 64, 1000, 65_537].map(
  (count): GpuCheck => ({
    name: `Merkle root of ${count} leaves`,
    check: () => {
      const bytes = input(300);
      const leaves = Array.from({ length: count }, (_, i) => bytes.subarray(0, (i * 7) % 200));
      return compare(
        merkleRoot(leaves, { backend: "cuda" }),
        merkleRoot(leaves, { backend: "portable" }),
      );
    },
  }),
);

const small: GpuCheck = {
  name: "SHA-256 under the cuda backend",
  check: () => {
    const bytes = input(100_000);
    return compare(sha256(bytes, { backend: "cuda" }), sha256(bytes, { backend: "portable" }));
  },
};

export const hashChecks: readonly GpuCheck[] = [
  ...blake3Checks,
  incremental,
  ...merkleChecks,
  small,
];
