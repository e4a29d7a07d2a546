/** Flat tensor programs, opened once and run often on the addon's threads. */
import { QuipuError } from "../../base/errors.js";
import {
  type Backend,
  binding,
  type Fast,
  type NativeBoundProgram,
  type NativeProgramHandle,
} from "./binding.js";
import { lendAll, type OwnedBytes } from "./owned-bytes.js";
import { runTask, type TaskOptions } from "./task.js";

export type { Backend, Fast } from "./binding.js";

/** Memory that an output is written into, from `offset` on. */
export interface OutputRoom {
  readonly owned: OwnedBytes;
  readonly offset?: number;
  readonly bytes: number;
}

export interface ProgramRunOptions extends TaskOptions {
  /** For the backend cuda alone; BACKEND_UNAVAILABLE on others, and where cuBLASLt is missing. */
  readonly fast?: Fast | undefined;
}

export class NativeProgram {
  readonly #handle: NativeProgramHandle;
  /** What the progress of a run counts. */
  readonly operators: number;

  /**
   * Decodes and checks the whole program; INVALID_ARGUMENT, SHAPE_MISMATCH or LIMIT_EXCEEDED for one
   * that could not run safely. The bytes are copied.
   */
  constructor(bytes: Uint8Array, memoryBytesMax: number) {
    this.#handle = binding().programOpen(bytes, memoryBytesMax);
    this.operators = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16, true);
  }

  /**
   * One run, whose progress counts operators; resolves to the backend that ran. Inputs and outputs
   * have exactly the sizes of the program's. Rooms may lie in the same memory where they do not
   * overlap. An output that is no `OutputRoom` must be known to its caller alone until then. `pieces`
   * splits each operator; 0 leaves that to its size.
   */
  run(
    inputs: readonly OwnedBytes[],
    outputs: readonly (Uint8Array | OutputRoom)[],
    backend: Backend,
    pieces: number,
    options: ProgramRunOptions = {},
  ): Promise<Exclude<Backend, "auto">> {
    const rooms = outputs.filter((output): output is OutputRoom => !(output instanceof Uint8Array));
    if (rooms.some(({ owned }) => inputs.includes(owned)) || overlap(rooms)) {
      const text = "an output's memory is that of another output, or of an input";
      return Promise.reject(new QuipuError("INVALID_ARGUMENT", text));
    }
    const owned = [...inputs, ...rooms.map((room) => room.owned)];
    return lendAll(owned, async (bytes) => {
      const lent = bytes.slice(0, inputs.length);
      const places = bytes.slice(inputs.length);
      const into = outputs.map((output) =>
        output instanceof Uint8Array ? output : within(places.shift() as Uint8Array, output),
      );
      return runTask(options, this.operators, "the run", (control) =>
        binding().programRun(this.#handle, lent, into, backend, pieces, control, options.fast),
      );
    });
  }

  /**
   * One run at once, on the calling thread; CONFLICT while `run` is at the same program. No output may
   * share memory with another or with an input.
   */
  runNow(
    inputs: readonly Uint8Array[],
    outputs: readonly Uint8Array[],
    backend: Exclude<Backend, "auto">,
  ): void {
    binding().programRunNow(this.#handle, inputs, outputs, backend);
  }

  /**
   * The program with memory for its inputs and outputs, and a function that runs it there at once;
   * CONFLICT while `run` is at the same program.
   */
  bind(backend: Backend): NativeBoundProgram {
    return binding().programBind(this.#handle, backend);
  }
}

function overlap(rooms: readonly OutputRoom[]): boolean {
  const ends = new Map<OwnedBytes, number>();
  return [...rooms]
    .sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0))
    .some(({ owned, offset = 0, bytes }) => {
      const isTaken = offset < (ends.get(owned) ?? 0);
      ends.set(owned, Math.max(ends.get(owned) ?? 0, offset + bytes));
      return isTaken;
    });
}

function within(bytes: Uint8Array, { offset = 0, bytes: size }: OutputRoom): Uint8Array {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + size > bytes.length) {
    const text = `an output of ${size} bytes at ${offset} does not fit ${bytes.length}`;
    throw new QuipuError("INVALID_ARGUMENT", text);
  }
  return bytes.subarray(offset, offset + size);
}
