/**
 * Takes the devices, and an empty folder for outputs that are files. Assumes that what the run needs is on this
 * host, so that a device never idles while something is fetched. A run that is being killed still
 * holds its device, so the next one waits here. A crash frees both: the scratch folder is emptied at
 * the next start, and reservations live in memory.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { untilAbort } from "../../base/until-abort.js";
import { needsWholeDevice } from "../../model/job.js";
import { runKey } from "../assignment.js";
import { driverOf } from "../driver/table.js";
import type { WorkHook } from "./work.js";

/** When those who asked before are done. */
interface Before {
  readonly all: Promise<unknown>;
  /** Those that have the device to themselves. */
  readonly whole: Promise<unknown>;
}

const nobody: Before = { all: Promise.resolve(), whole: Promise.resolve() };

/** One run has a device to itself, or light ones share it, in order of asking. */
export class Reservations {
  readonly #before = new Map<string, Before>();

  /** Resolves with the function that frees the device. */
  async take(device: string, whole: boolean, signal: AbortSignal): Promise<() => void> {
    const known = this.#before.get(device) ?? nobody;
    const before = whole ? known.all : known.whole;
    let free = (): void => {};
    const mine = new Promise<void>((resolve) => {
      free = resolve;
    });
    // Whoever asks next waits for this one and for those before it, even if this one gives up.
    const done = before.then(() => mine);
    const next = {
      all: whole ? done : Promise.all([known.all, done]),
      whole: whole ? done : known.whole,
    };
    this.#before.set(device, next);
    void next.all.then(() => this.#before.get(device) === next && this.#before.delete(device));
    try {
      await untilAbort(before, signal);
    } catch (error) {
      free();
      throw error;
    }
    return free;
  }
}

interface Held {
  readonly free: () => void;
  readonly sinceMs: number;
}

export function reserveDevice(reservations: Reservations): WorkHook {
  const held = new Map<string, Held[]>();
  return {
    name: "reserve-device",
    activity: "waiting for the device",
    async run(work) {
      const key = runKey(work.assignment);
      const { devices, job } = work.assignment;
      const whole = needsWholeDevice(job);
      const taken: Held[] = [];
      held.set(key, taken);
      // In one order for all, so that no two runs wait for each other.
      for (const device of [...devices].sort()) {
        const free = await reservations.take(device, whole, work.signal);
        taken.push({ free, sinceMs: work.host.clock.bootMs() });
      }
      if (!driverOf(job.task).writesFiles) return;
      work.scratch = join(work.host.scratchFolder, key);
      work.outputFolder = join(work.scratch, "outputs");
      await mkdir(work.outputFolder, { recursive: true, mode: 0o700 });
    },
    async release(work) {
      const key = runKey(work.assignment);
      try {
        if (work.scratch !== undefined) await rm(work.scratch, { recursive: true, force: true });
      } finally {
        for (const { free, sinceMs } of held.get(key) ?? []) {
          work.deviceMs += work.host.clock.bootMs() - sinceMs;
          free();
        }
        held.delete(key);
      }
    },
  };
}
