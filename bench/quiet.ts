/**
 * Whether anybody else used the processor meanwhile. Everything that is not idle and was not used by
 * this process, its ended children and the processes named is somebody else's, a neighbour of this
 * virtual machine included. Only Linux tells; elsewhere nobody else is ever seen.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Of all processors together: more spoils a measurement. */
export const othersShareMax = 0.05;
/** The kernel's clock for idle time, and for ended children. */
const tickMs = 10;
const lookEveryMs = 250;
const known = existsSync("/proc/stat");

interface Reading {
  readonly atMs: number;
  readonly idleMs: number;
  readonly ownMs: number;
}

export class CpuWatch {
  readonly #helpers: readonly number[];
  readonly #start: Reading;

  /** `helpers` are running processes that belong to the measurement. */
  constructor(helpers: readonly number[] = []) {
    this.#helpers = helpers;
    this.#start = read(helpers);
  }

  /** Share of all processors that others had since the watch was made. */
  othersShare(): number {
    if (!known) return 0;
    const end = read(this.#helpers);
    const capacityMs = (end.atMs - this.#start.atMs) * processors;
    const idleMs = end.idleMs - this.#start.idleMs;
    const ownMs = end.ownMs - this.#start.ownMs;
    // Two clocks, one of them coarse: what is less than a tick is nothing.
    return Math.max(0, capacityMs - idleMs - ownMs - tickMs) / capacityMs;
  }
}

/** Waits until nobody else works, `msMax` at most; returns the time waited. */
export async function untilQuiet(msMax: number): Promise<number> {
  const startMs = performance.now();
  while (known && performance.now() - startMs < msMax) {
    const watch = new CpuWatch();
    await sleep(lookEveryMs);
    if (watch.othersShare() <= othersShareMax) break;
  }
  return performance.now() - startMs;
}

const processors = known ? (readFileSync("/proc/stat", "utf8").match(/^cpu\d/gm)?.length ?? 1) : 1;

function read(helpers: readonly number[]): Reading {
  if (!known) return { atMs: 0, idleMs: 0, ownMs: 0 };
  const [idleTicks = 0, waitingTicks = 0] = fields("/proc/stat", "cpu").slice(3);
  const { user, system } = process.cpuUsage();
  const [userTicks = 0, systemTicks = 0] = fields("/proc/self/stat", ")").slice(13); // of children
  return {
    atMs: performance.now(),
    idleMs: (idleTicks + waitingTicks) * tickMs,
    ownMs:
      (user + system) / 1000 +
      (userTicks + systemTicks) * tickMs +
      helpers.reduce((sum, helper) => sum + threadsMs(helper), 0),
  };
}

/** The numbers of a file's first line after a text, which may follow a name with spaces. */
function fields(path: string, after: string): number[] {
  const [line = ""] = readFileSync(path, "utf8").split("\n", 1);
  return line
    .slice(line.indexOf(after) + after.length)
    .trim()
    .split(/\s+/)
    .map(Number);
}

/** Processor time of all threads of a process. */
function threadsMs(processId: number): number {
  const folder = `/proc/${processId}/task`;
  return readdirSync(folder).reduce((sum, thread) => {
    const [runNs = 0] = fields(`${folder}/${thread}/schedstat`, "");
    return sum + runNs / 1e6;
  }, 0);
}
