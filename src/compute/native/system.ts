/** The machine around this process: its clock, and the service manager that started it. */
import { binding } from "./binding.js";

/** Milliseconds since the boot, also of those that the machine slept. Throws ADDON_MISSING. */
export function bootMs(): number {
  return binding().bootMs();
}

/**
 * Sends `READY=1`, `WATCHDOG=1`, `STOPPING=1`, `STATUS=…` and the like (lines joined by newlines).
 * False when no service manager asked for it.
 */
export function sdNotify(text: string, socket = process.env.NOTIFY_SOCKET): boolean {
  if (socket === undefined || socket === "") return false;
  binding().sdNotify(socket, text);
  return true;
}
