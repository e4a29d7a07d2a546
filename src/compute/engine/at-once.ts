/** Runs of little work, on the calling thread: a thread of its own would cost more than they do. */
import { allocate, copyBytes } from "../native/memory.js";
import { lendAll } from "../native/owned-bytes.js";
import type { Backend, NativeProgram } from "../native/program.js";
import { runWhole } from "../native/task.js";
import type { TensorPort } from "../tensor/compile.js";
import { resultsOf } from "./results.js";
import type { RunOptions, RunOutput } from "./run.js";
import { checkBools, type OwnedTensor, portBytes, type Tensor, tensorBytes } from "./tensor.js";

const turnMsMax = 5;

/** Since when at least the event loop has had no turn. */
let turnBeganMs: number | undefined;

/** Runs at once, called one after the other, would leave the event loop no turn. */
export function isTurnLong(): boolean {
  const nowMs = performance.now();
  if (turnBeganMs === undefined) {
    turnBeganMs = nowMs;
    setImmediate(() => {
      turnBeganMs = undefined;
    });
  }
  return nowMs - turnBeganMs > turnMsMax;
}

/**
 * What a run as a task does, with the same errors; `given` are what the ports ask for. They are read where
 * they lie, since nobody can write them before this returns, but for memory shared with other threads.
 */
export function runAtOnce(
  program: NativeProgram,
  ports: { readonly inputs: readonly TensorPort[]; readonly outputs: readonly TensorPort[] },
  backend: Exclude<Backend, "auto">,
  given: readonly (Tensor | OwnedTensor)[],
  options: RunOptions,
): Promise<RunOutput> {
  const run = async (inputs: readonly Uint8Array[]): Promise<RunOutput> => {
    for (const [at, port] of ports.inputs.entries()) checkBools(port, inputs[at] as Uint8Array);
    const written = ports.outputs.map((port) => new Uint8Array(allocate(portBytes(port))));
    await runWhole(options, program.operators, "the run", () =>
      program.runNow(inputs, written, backend),
    );
    const { outputs, digests } = await resultsOf(ports.outputs, written, options);
    return { outputs, digests, backend, determinism: "bitwise" };
  };
  const owned = given.flatMap((tensor) => ("owned" in tensor ? [tensor.owned] : []));
  const lent = (bytes: readonly Uint8Array[]): readonly Uint8Array[] => {
    const theirs = bytes.values();
    return given.map((tensor) =>
      "owned" in tensor ? (theirs.next().value as Uint8Array) : bytesOfItsOwn(tensor),
    );
  };
  return owned.length === 0 ? run(lent([])) : lendAll(owned, (bytes) => run(lent(bytes)));
}

function bytesOfItsOwn(tensor: Tensor): Uint8Array {
  const bytes = tensorBytes(tensor);
  return bytes.buffer instanceof ArrayBuffer ? bytes : copyBytes(bytes);
}
