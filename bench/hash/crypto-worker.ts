/** One worker of crypto-pool.ts. */
import { hash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";

export interface Share {
  /** Copied to the worker when it starts. */
  readonly messages: readonly Uint8Array[];
  /** Of all workers; this one's begin at digest `first`. */
  readonly digests: Uint8Array<SharedArrayBuffer>;
  readonly first: number;
}

const digestBytes = 32;
const { messages, digests, first } = workerData as Share;
const out = Buffer.from(digests.buffer);

parentPort?.on("message", () => {
  for (const [i, message] of messages.entries()) {
    // Text of one byte a character is crypto.hash's fastest output, also when it is then written.
    out.write(hash("sha256", message, "binary"), (first + i) * digestBytes, "latin1");
  }
  parentPort?.postMessage("done");
});
