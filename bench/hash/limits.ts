/**
 * What this machine allows at best, by the programs of bench/peers/limits_*.c. Without them
 * (`npm run bench:peers` compiles them) a line has no limit to be a share of.
 */
import type { Limit } from "../result.js";
import { loadPeer } from "./peers.js";

interface NativeLimits {
  memory(bytes: Uint8Array, threads: number, milliseconds: number): number;
  file(path: string, threads: number, milliseconds: number): number;
  blake3(threads: number, milliseconds: number): number;
  sha256(threads: number, milliseconds: number): number;
  sha256Stream(milliseconds: number): number;
  deviceCopy(milliseconds: number): number;
}

type Measure = (limits: NativeLimits) => { readonly name: string; readonly rate: number };

const measureMs = 60;
const native = loadPeer<NativeLimits>("./build/limits.node");

/** BLAKE3's vector instructions alone, in bytes a second. */
export const blake3Arithmetic =
  (threads: number): Measure =>
  (limits) => ({ name: "arithmetic", rate: limits.blake3(threads, measureMs) });

/** SHA-256's instructions alone, of independent messages, in bytes of blocks a second. */
export const sha256Arithmetic =
  (threads: number): Measure =>
  (limits) => ({ name: "arithmetic", rate: limits.sha256(threads, measureMs) });

/** One message, whose rounds wait for each other. */
export const sha256Chain: Measure = (limits) => ({
  name: "the chain of rounds",
  rate: limits.sha256Stream(measureMs),
});

export const memoryReads =
  (bytes: Uint8Array, threads: number): Measure =>
  (limits) => ({ name: "memory reads", rate: limits.memory(bytes, threads, measureMs) });

export const fileReads =
  (path: string, threads: number): Measure =>
  (limits) => ({ name: "file reads", rate: limits.file(path, threads, measureMs) });

export const deviceCopies: Measure = (limits) => ({
  name: "copies from pinned memory",
  rate: limits.deviceCopy(10 * measureMs),
});

/** The smallest of several limits; `perUnit` are the bytes that one unit of the line's work costs. */
export function smallest(...measures: readonly Measure[]): (perUnit?: number) => Limit | undefined {
  return (perUnit = 1) => {
    if (typeof native === "string") return undefined;
    const found = measures.map((measure) => measure(native)).filter(({ rate }) => rate > 0);
    if (found.length < measures.length) return undefined;
    const [least] = found.sort((a, b) => a.rate - b.rate);
    return least === undefined ? undefined : { name: least.name, rate: least.rate / perUnit };
  };
}
