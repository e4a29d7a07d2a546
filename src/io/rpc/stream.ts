/** Back-pressure of a Node stream as something to wait for. */
import type { Writable } from "node:stream";
import type { Ending } from "./ending.js";

/** After `write` returned false: resolves when the stream takes more, or throws at the end. */
export function drained(stream: Writable, ending: Ending): Promise<void> {
  const drain = new Promise<void>((resolve) => {
    stream.once("drain", resolve);
  });
  return ending.before(drain);
}
