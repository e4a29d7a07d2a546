/** BLAKE3 and RFC 6962 trees on the device. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "../../src/base/bytes.js";
import {
  DeviceBytes,
  Hasher,
  hash,
  hashAsync,
  hashFile,
  hashManyAsync,
  MerkleFrontier,
  MerkleTree,
} from "../../src/compute/native/hashing.js";
import { blake3VectorPath, blake3Vectors, patternBytes } from "../hash-reference.js";
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

function compare(got: Uint8Array, want: Uint8Array): string | undefined {
  const [a, b] = [toHex(got), toHex(want)];
  return a === b ? undefined : `device ${a}, portable ${b}`;
}

const blake3Checks = blake3Lengths.map(
  (size): GpuCheck => ({
    name: `BLAKE3 of ${size} bytes`,
    check: async () => {
      const bytes = patternBytes(size);
      const modes = [{}, { key: new Uint8Array(32).fill(7) }, { context: "quipu gpu test" }];
      for (const mode of modes) {
        const want = await hashAsync(bytes, { ...mode, backend: "portable", length: 99 });
        const got = await hashAsync(bytes, { ...mode, backend: "cuda", length: 99 });
        const fault = compare(got, want);
        if (fault !== undefined) return `${JSON.stringify(Object.keys(mode))} ${fault}`;
      }
      return undefined;
    },
  }),
);

/** Small inputs reach the device only by lying there. */
const officialVectors: GpuCheck = {
  name: "BLAKE3 official vectors on the device",
  check: async () => {
    const vectors = blake3Vectors();
    if (vectors === undefined) {
      console.log(`the official BLAKE3 vectors were not tried: ${blake3VectorPath} is not here`);
      return undefined;
    }
    const key = Buffer.from(vectors.key);
    for (const { input_len, hash: plain, keyed_hash, derive_key } of vectors.cases) {
      const device = await DeviceBytes.upload(patternBytes(input_len));
      const length = plain.length / 2;
      for (const [want, mode] of [
        [plain, {}],
        [keyed_hash, { key }],
        [derive_key, { context: vectors.context_string }],
      ] as const) {
        const got = await hashAsync(device, { ...mode, length });
        const fault = compare(got, Buffer.from(want, "hex"));
        if (fault !== undefined) return `${input_len} bytes, ${Object.keys(mode)}: ${fault}`;
      }
      device.free();
    }
    return undefined;
  },
};

const manyChecks = (["blake3", "sha256"] as const).flatMap((algorithm) =>
  [1, 1000, 100_003].flatMap((count) =>
    [1, 64, 100, 1025].map(
      (size): GpuCheck => ({
        name: `${algorithm} of ${count} messages of ${size} bytes`,
        check: async () => {
          const messages = { data: patternBytes(count * size), count };
          const [got, want] = await Promise.all([
            hashManyAsync(messages, { algorithm, backend: "cuda" }),
            hashManyAsync(messages, { algorithm, backend: "portable" }),
          ]);
          return Buffer.compare(got, want) === 0 ? undefined : "digests differ";
        },
      }),
    ),
  ),
);

const incremental: GpuCheck = {
  name: "BLAKE3 in pieces",
  check: async () => {
    const bytes = patternBytes(40 * mib + 99);
    const hasher = new Hasher({ backend: "cuda" });
    for (let at = 0; at < bytes.length; at += 9 * mib + 1) {
      await hasher.updateAsync(bytes.subarray(at, at + 9 * mib + 1));
    }
    return compare(hasher.digest(), await hashAsync(bytes, { backend: "portable" }));
  },
};

/** Sizes around the subtrees that a device takes, whole and with a remainder for the CPU. */
const merkleChecks = [1, 2, 3, 1000, 8191, 8192, 8193, 65_537, 300_001].flatMap((count) =>
  [0, 1, 32, 63, 64, 100].map(
    (size): GpuCheck => ({
      name: `Merkle trees of ${count} leaves of ${size === 0 ? "many sizes" : `${size} bytes`}`,
      check: async () => {
        const bytes = patternBytes(count * size + 300);
        const leaves =
          size === 0
            ? Array.from({ length: count }, (_, i) => bytes.subarray(0, (i * 7) % 200))
            : { data: bytes.subarray(0, count * size), count };
        const want = new MerkleTree({ backend: "portable" });
        await want.appendAsync(leaves);
        const tree = new MerkleTree({ backend: "cuda" });
        await tree.appendAsync(leaves);
        const frontier = new MerkleFrontier(undefined, { backend: "cuda" });
        await frontier.appendAsync(leaves);
        const proof = (of: MerkleTree): Uint8Array =>
          Buffer.concat(of.inclusionProof(Math.floor(count / 3)));
        return (
          compare(tree.root(), want.root()) ??
          compare(frontier.root(), want.root()) ??
          compare(proof(tree), proof(want))
        );
      },
    }),
  ),
);

/** Bytes that lie on the device are hashed there, also the few that are left for the CPU. */
const residentChecks = [0, 1000, 4 * mib, 21 * mib + 5, 300 * mib].map(
  (size): GpuCheck => ({
    name: `BLAKE3 of ${size} bytes on the device`,
    check: async () => {
      const bytes = patternBytes(size);
      const device = await DeviceBytes.upload(bytes);
      const want = await hashAsync(bytes, { backend: "portable" });
      const got = await hashAsync(device); // by cuda, the only one that can
      const again = await hashAsync(device, { backend: "cuda" });
      device.free();
      return compare(got, want) ?? compare(again, want);
    },
  }),
);

const residentLeaves: GpuCheck = {
  name: "Merkle root of leaves on the device",
  check: async () => {
    const leaves = { data: patternBytes(300_001 * 64), count: 300_001 };
    const want = new MerkleFrontier(undefined, { backend: "portable" });
    await want.appendAsync(leaves);
    const device = await DeviceBytes.upload(leaves.data);
    const got = new MerkleFrontier(undefined, { backend: "cuda" });
    await got.appendAsync({ data: device, count: leaves.count });
    device.free();
    return compare(got.root(), want.root());
  },
};

const file: GpuCheck = {
  name: "BLAKE3 of a file",
  check: async () => {
    const folder = mkdtempSync(join(tmpdir(), "quipu-"));
    try {
      const path = join(folder, "file");
      writeFileSync(path, patternBytes(70 * mib + 3));
      const [got, want] = await Promise.all(
        (["cuda", "portable"] as const).map(async (backend) =>
          hashFile(path, { algorithms: ["blake3"], backend }),
        ),
      );
      return got?.blake3 === want?.blake3 ? undefined : `${got?.blake3}, portable ${want?.blake3}`;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

const small: GpuCheck = {
  name: "SHA-256 under the cuda backend",
  check: () => {
    const bytes = patternBytes(100_000);
    const sha256 = (backend: "cuda" | "portable"): Uint8Array =>
      hash(bytes, { algorithm: "sha256", backend });
    return compare(sha256("cuda"), sha256("portable"));
  },
};

export const hashChecks: readonly GpuCheck[] = [
  ...blake3Checks,
  officialVectors,
  ...manyChecks,
  incremental,
  ...merkleChecks,
  ...residentChecks,
  residentLeaves,
  file,
  small,
];
