/**
 * Takes the device, and an empty folder for the outputs. Assumes that what the run needs is on this
 * host, so that a device never idles while something is fetched. A run that is being killed still
 * holds its device, so the next one waits here. A crash frees both: the scratch folder is emptied at
 * the next start, and reservations live in memory.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { untilAbort } from "../../base/until-abort.js";
import { runKey } from "../assignment.js";
import type { WorkHook } from "./work.js";

/** One run a device at a time, in order of asking. */
export class Reservations {
  readonly #last = new Map<string, Promise<void>>();

  /** Resolves with the function that frees the device. */
  async take(device: string, signal: AbortSignal): Promise<() => void> {
    const before = this.#last.get(device) ?? Promise.resolve();
    let free = (): void => {};
    const mine = new Promise<void>((resolve) => {
      free = resolve;
    });
    // Whoever asks next waits for everyone before it and for this one, even if this one gives up.
    const all = before.then(() => mine);
    this.#last.set(device, all);
    void all.then(() => this.#last.get(device) === all && this.#last.delete(device));
    try {
      await untilAbort(before, signal);
    } catch (error) {
      free();
      throw error;
    }
    return free;
  }
}

export function reserveDevice(reservations: Reservations): WorkHook {
  const frees = new Map<string, () => void>();
  return {
    name: "reserve-device",
    activity: "waiting for the device",
    async run(work) {
      const key = runKey(work.assignment);
      frees.set(key, await reservations.take(work.assignment.device, work.signal));
      work.scratch = join(work.host.scratchFolder, key);
      work.outputFolder = join(work.scratch, "outputs");
      await mkdir(work.outputFolder, { recursive: true, mode: 0o700 });
    },
    async release(work) {
      const key = runKey(work.assignment);
      try {
        if (work.scratch !== undefined) await rm(work.scratch, { recursive: true, force: true });
      } finally {
        frees.get(key)?.();
        frees.delete(key);
      }
    },
  };
}
