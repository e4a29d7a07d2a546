/** What every family of lines is given. */
import { randomFillSync } from "node:crypto";
import type { Contest } from "../harness.js";
import type { Said } from "../result.js";

export interface Setting {
  /** Of this process: QUIPU_THREADS says the same to the addon. */
  readonly threads: number;
  /** Also what takes minutes. */
  readonly full: boolean;
  /** For files; removed afterwards. */
  readonly folder: string;
}

/** Lines are made one by one, so that the memory of one can be given back before the next. */
export interface Family {
  /** What the lines answer, by the names of docs/performance.md. */
  readonly goals: string;
  /** How many threads, on a machine that has `all`; each number gets a process of its own. */
  readonly threads: (all: number) => readonly number[];
  readonly lines: (setting: Setting) => AsyncIterable<Contest | Said>;
}

export const kib = 1024;
export const mib = 1024 * kib;
export const gib = 1024 * mib;

export const threadsText = (count: number): string =>
  count === 1 ? "1 thread" : `${count} threads`;

/** No hash finds these easy. They are the whole of their buffer, so that they can be handed over. */
export function randomBytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += gib) {
    randomFillSync(bytes, at, Math.min(gib, sizeBytes - at));
  }
  return bytes;
}

/** Equal parts, where they lie. */
export function partsOf(bytes: Uint8Array, count: number): Uint8Array[] {
  const size = bytes.length / count;
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}
