/**
 * The clocks of a real machine. Boot time is read from the kernel because Node's own monotonic clock
 * stands still while the machine sleeps, and a lease that slept would seem to live.
 */
import { openSync, readSync } from "node:fs";
import type { Clock } from "../base/clock.js";
import { QuipuError } from "../base/errors.js";
import { bootMs } from "../compute/native/system.js";

export function systemClock(): Clock {
  try {
    bootMs();
    return { wallMs: () => Date.now(), bootMs: () => Math.round(bootMs()) };
  } catch (thrown) {
    if (QuipuError.from(thrown).code !== "ADDON_MISSING") throw thrown;
    return clockOfProc();
  }
}

/** `/proc/uptime` is CLOCK_BOOTTIME to a hundredth of a second; it is read again through one open file. */
function clockOfProc(): Clock {
  const file = openSync("/proc/uptime", "r");
  const buffer = Buffer.alloc(64);
  return {
    wallMs: () => Date.now(),
    bootMs() {
      const length = readSync(file, buffer, 0, buffer.length, 0);
      const seconds = Number.parseFloat(buffer.toString("latin1", 0, length));
      if (Number.isFinite(seconds)) return Math.round(seconds * 1000);
      throw new QuipuError("INTERNAL", "the kernel's uptime cannot be read");
    },
  };
}
