/** Runs on the calling thread, in memory that is there already. */
import { setImmediate } from "node:timers/promises";
import type { Backend, NativeProgram } from "../native/program.js";
import { runWhole } from "../native/task.js";
import type { TensorPort } from "../tensor/compile.js";
import { type Digests, digestsOf } from "./digests.js";
import type { RunOptions, RunOutput } from "./session.js";
import {
  allocate,
  checkBools,
  checkTensor,
  type Tensor,
  tensorBytes,
  tensorOver,
} from "./tensor.js";

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

const turnEveryMs = 5;

/** When the event loop had its last turn that is known of. */
let turnMs = 0;

/** Runs at once, one awaited after the other, would leave the event loop no turn. */
async function giveTurn(): Promise<void> {
  if (performance.now() - turnMs < turnEveryMs) return;
  await setImmediate();
  turnMs = performance.now();
}

/** What `Session.run` does, with the same errors. */
export async function runAtOnce(
  bound: BoundSession,
  operators: number,
  ports: readonly TensorPort[],
  inputs: Readonly<Record<string, Tensor>>,
  options: RunOptions,
): Promise<RunOutput> {
  for (const port of ports) {
    const given = Object.hasOwn(inputs, port.name) ? inputs[port.name] : undefined;
    const bytes = tensorBytes(checkTensor(port, given));
    checkBools(port, bytes);
    tensorBytes(bound.inputs.get(port.name) as Tensor).set(bytes);
  }
  // Nothing is awaited between what is written into this memory and what is read from it: the next run
  // takes the same.
  const outputs = await runWhole(options, operators, "the run", async () => {
    bound.run();
    return new Map([...bound.outputs].map(([name, tensor]) => [name, copyOf(tensor)]));
  });
  await giveTurn();
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
