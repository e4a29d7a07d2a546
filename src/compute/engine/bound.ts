/** Runs on the calling thread, in memory that is there already. */
import { allocate } from "../native/memory.js";
import type { Backend, NativeProgram } from "../native/program.js";
import { runWhole } from "../native/task.js";
import type { TensorPort } from "../tensor/compile.js";
import { type Digests, digestsOf } from "./digests.js";
import type { RunOptions, RunOutput } from "./run.js";
import { checkBools, type Tensor, tensorBytes, tensorOver } from "./tensor.js";

/** Write into the inputs, `run`, read the outputs; their memory stays the same. */
export interface BoundSession {
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** What really runs. */
  readonly backend: Exclude<Backend, "auto">;
  readonly run: () => void;
}

export function bindSession(
  program: NativeProgram,
  inputs: readonly TensorPort[],
  outputs: readonly TensorPort[],
  asked: Backend,
): BoundSession {
  const { run, backend, ...bound } = program.bind(asked);
  const tensors = (ports: readonly TensorPort[], buffers: readonly ArrayBuffer[]) =>
    new Map(
      ports.map((port, at) => [
        port.name,
        tensorOver(port, new Uint8Array(buffers[at] as ArrayBuffer)),
      ]),
    );
  return {
    inputs: tensors(inputs, bound.inputs),
    outputs: tensors(outputs, bound.outputs),
    backend,
    run,
  };
}

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

/** What a run as a task does, with the same errors; `given` are what the ports ask for. */
export async function runAtOnce(
  bound: BoundSession,
  operators: number,
  ports: readonly TensorPort[],
  given: readonly Tensor[],
  options: RunOptions,
): Promise<RunOutput> {
  for (const [at, port] of ports.entries()) checkBools(port, tensorBytes(given[at] as Tensor));
  // The next run takes the same memory: nothing is awaited in here.
  const outputs = await runWhole(options, operators, "the run", async () => {
    for (const [at, { name }] of ports.entries()) {
      tensorBytes(bound.inputs.get(name) as Tensor).set(tensorBytes(given[at] as Tensor));
    }
    bound.run();
    return new Map([...bound.outputs].map(([name, tensor]) => [name, copyOf(tensor)]));
  });
  const digests = new Map<string, Digests>();
  if (options.digests !== false) {
    for (const [name, tensor] of outputs) digests.set(name, await digestsOf(tensorBytes(tensor)));
  }
  return { outputs, digests, backend: bound.backend, determinism: "bitwise" };
}

function copyOf(tensor: Tensor): Tensor {
  const bytes = new Uint8Array(allocate(tensor.data.byteLength));
  bytes.set(tensorBytes(tensor));
  return tensorOver(tensor, bytes);
}
