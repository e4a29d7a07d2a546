/** A program with memory of its own for what goes in and comes out. */
import type { Backend, NativeProgram } from "../native/program.js";
import type { TensorPort } from "../tensor/compile.js";
import { type Tensor, tensorOver } from "./tensor.js";

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
