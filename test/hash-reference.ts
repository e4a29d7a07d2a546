/** What hashes and Merkle trees are by definition, in plain TypeScript, for tests to compare with. */
import { existsSync, readFileSync } from "node:fs";
import { sha256 } from "../src/base/bytes.js";
import type { Backend } from "../src/compute/native/binding.js";
import { capabilities } from "../src/compute/native/capabilities.js";

export type CpuBackend = Exclude<Backend, "auto" | "cuda">;

export const cpuBackends: readonly CpuBackend[] = ["portable", "avx2", "avx512"];

const usable = capabilities({ probeCuda: false }).backends;

/** Options of a sub-test that forces a backend: skipped where the processor cannot run it. */
export const optionsOf = (backend: CpuBackend): { skip?: string } =>
  usable.includes(backend) ? {} : { skip: `this processor cannot run ${backend}` };

/** Bytes that repeat with period 251, as the official BLAKE3 vectors use them. */
export function patternBytes(size: number): Uint8Array {
  const period = Uint8Array.from({ length: 251 * 256 }, (_, i) => i % 251);
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += period.length) {
    bytes.set(period.subarray(0, Math.min(period.length, size - at)), at);
  }
  return bytes;
}

export interface Blake3Vectors {
  readonly key: string;
  readonly context_string: string;
  readonly cases: readonly {
    readonly input_len: number;
    readonly hash: string;
    readonly keyed_hash: string;
    readonly derive_key: string;
  }[];
}

export const blake3VectorPath = "../shared/vectors/blake3/test_vectors.json";

/** The official ones, whose inputs are `patternBytes`; none where they are not at hand. */
export function blake3Vectors(): Blake3Vectors | undefined {
  if (!existsSync(blake3VectorPath)) return undefined;
  return JSON.parse(readFileSync(blake3VectorPath, "utf8")) as Blake3Vectors;
}

/** The largest power of two under `count`, which is at least 2. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** MTH of RFC 6962 §2.1, word for word. */
export function referenceRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return sha256();
  if (leaves.length === 1) return sha256(Uint8Array.of(0), first);
  const split = splitOf(leaves.length);
  return sha256(
    Uint8Array.of(1),
    referenceRoot(leaves.slice(0, split)),
    referenceRoot(leaves.slice(split)),
  );
}

/** PATH of RFC 6962 §2.1.1. */
export function referencePath(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length <= 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...referencePath(index, left), referenceRoot(right)]
    : [...referencePath(index - split, right), referenceRoot(left)];
}

/** PROOF of RFC 6962 §2.1.2 for a tree that once had `size` leaves. */
export function referenceConsistency(size: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  return size === 0 ? [] : subProof(size, leaves, true);
}

function subProof(size: number, leaves: readonly Uint8Array[], complete: boolean): Uint8Array[] {
  if (size === leaves.length) return complete ? [] : [referenceRoot(leaves)];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return size <= split
    ? [...subProof(size, left, complete), referenceRoot(right)]
    : [...subProof(size - split, right, false), referenceRoot(left)];
}
