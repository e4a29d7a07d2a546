/**
 * The process that talks to the GPU driver's management library for an agent, and to nothing else. It
 * lives as long as its channel: killed when the driver hangs, gone when the agent is.
 */
import { openNvml } from "../compute/native/nvml.js";
import { type GpuReply, serveGpus } from "../io/telemetry/gpu-message.js";

if (process.send === undefined) {
  process.stderr.write("gpu-helper: started by the agent, not by hand\n");
  process.exit(2);
}

serveGpus(openNvml, {
  onRequest: (listener) => process.on("message", listener),
  onEnd: (listener) => process.on("disconnect", listener),
  // Without a channel nobody is left to hear the answer; `disconnect` ends this process.
  send: (reply: GpuReply, sent?: () => void) =>
    process.send?.(reply, undefined, {}, () => sent?.()),
  exit: (code) => process.exit(code),
});
