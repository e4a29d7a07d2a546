/** Runs of little work, on the calling thread: a thread of its own would cost more than they do. */
import { types } from "node:util";
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
export async function runAtOnce(
  program: NativeProgram,
  ports: { readonly inputs: readonly TensorPort[]; readonly outputs: readonly TensorPort[] },
  backend: Exclude<Backend, "auto">,
  given: readonly (Tensor | OwnedTensor)[],
  options: RunOptions,
): Promise<RunOutput> {
  const written = new Map(
    ports.outputs.map((port) => [port, new Uint8Array(allocate(portBytes(port)))]),
  );
  const owned = given.flatMap((tensor) => ("owned" in tensor ? [tensor.owned] : []));
  await lendAll(owned, async (lent) => {
    const theirs = [...lent];
    const inputs = given.map((tensor) =>
      "owned" in tensor ? (theirs.shift() as Uint8Array) : bytesOfItsOwn(tensor),
    );
    for (const [at, port] of ports.inputs.entries()) checkBools(port, inputs[at] as Uint8Array);
    await runWhole(options, program.operators, "the run", () =>
      program.runNow(inputs, [...written.values()], backend),
    );
  });
  return { ...(await resultsOf(written, options)), backend, determinism: "bitwise" };
}

function bytesOfItsOwn(tensor: Tensor): Uint8Array {
  const bytes = tensorBytes(tensor);
  return types.isSharedArrayBuffer(bytes.buffer) ? copyBytes(bytes) : bytes;
}
