/** What a run has written, as tensors with their digests. */
import { OwnedBytes, synchronousBytesMax } from "../native/hashing.js";
import type { TensorPort } from "../tensor/compile.js";
import { type Digests, digestsOf } from "./digests.js";
import type { RunOptions, RunOutput } from "./run.js";
import { type Tensor, tensorOver } from "./tensor.js";

/** `written` is memory that nobody else has; what is hashed on another thread is empty here then. */
export async function resultsOf(
  ports: readonly TensorPort[],
  written: readonly Uint8Array<ArrayBuffer>[],
  options: Pick<RunOptions, "digests">,
): Promise<Pick<RunOutput, "outputs" | "digests">> {
  const outputs = new Map<string, Tensor>();
  const digests = new Map<string, Digests>();
  for (const [at, port] of ports.entries()) {
    const bytes = written[at] as Uint8Array<ArrayBuffer>;
    if (options.digests === false) {
      outputs.set(port.name, tensorOver(port, bytes));
    } else if (bytes.length <= synchronousBytesMax) {
      digests.set(port.name, await digestsOf(bytes));
      outputs.set(port.name, tensorOver(port, bytes));
    } else {
      const owned = OwnedBytes.take(bytes);
      digests.set(port.name, await digestsOf(owned));
      outputs.set(port.name, tensorOver(port, owned.release()));
    }
  }
  return { outputs, digests };
}
