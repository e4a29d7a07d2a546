/** What this process tells the service manager that started it. */
import { binding } from "./binding.js";

/**
 * Sends `READY=1`, `WATCHDOG=1`, `STOPPING=1`, `STATUS=…` and the like (lines joined by newlines).
 * False when no service manager asked for it.
 */
export function sdNotify(text: string, socket = process.env.NOTIFY_SOCKET): boolean {
  if (socket === undefined || socket === "") return false;
  binding().sdNotify(socket, text);
  return true;
}
