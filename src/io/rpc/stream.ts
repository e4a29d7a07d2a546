/** Back-pressure of a Node stream as something to wait for. */
import type { Writable } from "node:stream";
import { untilAbort } from "../../base/until-abort.js";

/** After `write` returned false: resolves when the stream takes more, or throws when aborted. */
export function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  const drain = new Promise<void>((resolve) => {
    stream.once("drain", resolve);
  });
  return untilAbort(drain, signal);
}
