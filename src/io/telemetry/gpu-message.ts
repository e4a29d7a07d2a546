/**
 * What the agent and its GPU helper say to each other over the fork's channel, and the helper's side
 * of it. The driver's library holds a global lock and can hang for ever on a sick device; so it is
 * called in a process of its own, which the agent kills when it does not answer.
 */
import type { GpuSample } from "../../model/telemetry.js";

/** The agent asks; the helper answers each question once. */
export type GpuRequest = { readonly kind: "read" };

export type GpuReply =
  | { readonly kind: "sample"; readonly gpus: readonly GpuSample[] }
  /** No driver library or no device: normal, and final. The helper ends after it. */
  | { readonly kind: "absent"; readonly text: string }
  /** The library is there and failed; it will be asked again. */
  | { readonly kind: "failed"; readonly text: string };

export interface GpuDriver {
  /** Blocks while the driver answers. Throws when it fails. */
  read(): readonly GpuSample[];
}

/** The channel of a forked process, as far as it is used. */
export interface GpuPort {
  onRequest(listener: (request: GpuRequest) => void): void;
  /** The agent is gone. */
  onEnd(listener: () => void): void;
  send(reply: GpuReply, sent?: () => void): void;
  exit(code: number): void;
}

/** `open` gives the driver, or the reason why this host has none. */
export function serveGpus(open: () => GpuDriver | string, port: GpuPort): void {
  let driver: GpuDriver | undefined;
  port.onEnd(() => port.exit(0));
  port.onRequest(() => {
    try {
      const opened = driver ?? open();
      if (typeof opened === "string") {
        port.send({ kind: "absent", text: opened }, () => port.exit(0));
        return;
      }
      driver = opened;
      port.send({ kind: "sample", gpus: driver.read() });
    } catch (error) {
      port.send({ kind: "failed", text: error instanceof Error ? error.message : String(error) });
    }
  });
}
