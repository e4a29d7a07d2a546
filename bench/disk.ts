/** How often a second something can be made durable here: what bounds everything that waits for it. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { median } from "./harness.js";

const rounds = 5;
const roundMs = 1_000;

/** Calls a second with so many callers, each of which waits for its own. */
export async function rate(callers: number, call: () => unknown): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    let done = 0;
    const start = performance.now();
    const caller = async (): Promise<void> => {
      while (performance.now() - start < roundMs) {
        await call();
        done += 1;
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    rates.push((done / (performance.now() - start)) * 1_000);
  }
  return median(rates);
}

/** Of the disk: the same for both, and nothing durable is faster one by one. */
export async function syncs(folder: string): Promise<number> {
  const file = openSync(join(folder, "syncs"), "w");
  const page = new Uint8Array(8192);
  try {
    return await rate(1, () => {
      writeSync(file, page);
      fdatasyncSync(file);
    });
  } finally {
    closeSync(file);
  }
}
