/** What a run has written, as tensors with their digests. */
import { OwnedBytes, synchronousBytesMax } from "../native/hashing.js";
import type { TensorPort } from "../tensor/compile.js";
import { type Digests, digestsOf } from "./digests.js";
import type { RunOptions, RunOutput } from "./run.js";
import { type Tensor, tensorOver } from "./tensor.js";

/** Memory that nobody else has; much of it is hashed elsewhere, and is then empty here. */
export type Written = ReadonlyMap<TensorPort, Uint8Array<ArrayBuffer>>;

export async function resultsOf(
  written: Written,
  options: Pick<RunOptions, "digests">,
): Promise<Pick<RunOutput, "outputs" | "digests">> {
  const outputs = new Map<string, Tensor>();
  const digests = new Map<string, Digests>();
  for (const [port, bytes] of written) {
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
