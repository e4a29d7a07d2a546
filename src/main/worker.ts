/** The worker process of one device: `worker.js DEVICE`, forked by quipud with a message channel. */
import { QuipuError } from "../base/errors.js";
import type { WorkerRequest } from "../model/worker-message.js";
import { Worker, type WorkerPort } from "../worker/worker.js";

const [device] = process.argv.slice(2);
if (process.send === undefined || device === undefined) {
  process.stderr.write("worker: quipud starts this program; it is of no use by hand\n");
  process.exit(2);
}

// Ctrl-C and service managers signal the whole group: the agent decides what becomes of a run.
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => {});

// Without the agent nobody wants the result, and nobody would stop the work at the end of its lease.
// A plain exit would wait for native threads.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

const port: WorkerPort = {
  // A message that cannot be sent means that the agent is gone, which ends the process above.
  send: (reply) => process.send?.(reply, undefined, {}, () => {}),
  // Disconnecting flushes what was sent; its event, above, ends the process.
  close: () => process.disconnect(),
  cpuMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

try {
  const worker = new Worker(device, port);
  process.on("message", (message) => void worker.take(message as WorkerRequest));
} catch (thrown) {
  const { code, message } = QuipuError.from(thrown);
  process.stderr.write(`worker: ${code}: ${message}\n`);
  process.exit(1);
}
