/** Flat tensor programs, opened once and run often on the addon's threads. */
import { type Backend, binding, type NativeProgramHandle } from "./binding.js";

export type { Backend } from "./binding.js";

export class NativeProgram {
  readonly #handle: NativeProgramHandle;

  /**
   * Decodes and checks the whole program; INVALID_ARGUMENT, SHAPE_MISMATCH or LIMIT_EXCEEDED for one
   * that could not run safely. The bytes are copied.
   */
  constructor(bytes: Uint8Array, memoryBytesMax: number) {
    this.#handle = binding().programOpen(bytes, memoryBytesMax);
  }

  /**
   * One run; resolves to the backend that ran. Inputs and outputs are lent until it settles and have
   * exactly the sizes of the program's. `pieces` splits each operator; 0 leaves that to its size.
   */
  run(
    inputs: readonly Uint8Array[],
    outputs: readonly Uint8Array[],
    backend: Backend,
    pieces: number,
  ): Promise<Exclude<Backend, "auto">> {
    return binding().programRun(this.#handle, inputs, outputs, backend, pieces);
  }
}
