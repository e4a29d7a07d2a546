/**
 * Compile once, run many: an ONNX model, compiled for given input shapes, on any backend. The library
 * `quipu/tensor`.
 *
 * While a run is under way its inputs and outputs are lent to native threads: they must not be
 * written, nor their memory transferred, before its promise settles.
 */
import { totalmem } from "node:os";
import { QuipuError } from "../../base/errors.js";
import { type Backend, NativeProgram } from "../native/program.js";
import { arithmetic, compileModel, type TensorPort } from "../tensor/compile.js";
import type { Shapes } from "../tensor/lower.js";
import { type Digests, digestsOf } from "./digests.js";
import {
  allocate,
  checkTensor,
  portBytes,
  type Tensor,
  tensorBytes,
  tensorOver,
} from "./tensor.js";

export type { Backend } from "../native/program.js";
export type { TensorPort } from "../tensor/compile.js";
export type { Shapes } from "../tensor/lower.js";
export { float32, int64, type Tensor } from "./tensor.js";

export interface SessionOptions {
  /** Most working memory that a run may take; half of the machine's without it. */
  readonly memoryBytesMax?: number;
}

export interface RunOptions {
  /** Without it and with `auto`: `QUIPU_BACKEND`, then the best CPU backend. */
  readonly backend?: Backend;
  /** Into how many pieces each operator is split; by its size without it. Never changes a bit. */
  readonly pieces?: number;
  /** Memory for outputs by name, each exactly as long as the output; fresh memory without it. */
  readonly into?: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

export interface RunOutput {
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Of the bytes of each output's elements, little-endian. */
  readonly digests: ReadonlyMap<string, Digests>;
  /** What really ran. */
  readonly backend: Exclude<Backend, "auto">;
}

/** What a run may take unless its caller says otherwise: half of the machine's memory. */
export function memoryBytesDefault(): number {
  return Math.floor(totalmem() / 2);
}

export class Session {
  /** Version of the frozen arithmetic that runs compute in. */
  readonly arithmetic = arithmetic;
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly #program: NativeProgram;

  private constructor(
    program: NativeProgram,
    inputs: readonly TensorPort[],
    outputs: readonly TensorPort[],
  ) {
    this.#program = program;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  /** Refuses what cannot be compiled: MODEL_INVALID, MODEL_UNSUPPORTED, SHAPE_MISMATCH. */
  static compile(
    modelBytes: Uint8Array,
    inputShapes: Shapes,
    options: SessionOptions = {},
  ): Session {
    const compiled = compileModel(modelBytes, inputShapes);
    const memoryBytesMax = options.memoryBytesMax ?? memoryBytesDefault();
    const needed = [...compiled.inputs, ...compiled.outputs].reduce(
      (sum, port) => sum + portBytes(port),
      compiled.arenaBytes,
    );
    if (needed > memoryBytesMax) {
      throw new QuipuError(
        "LIMIT_EXCEEDED",
        `a run needs ${needed} bytes of memory and ${memoryBytesMax} are allowed`,
        { next: "use a smaller batch or a larger host" },
      );
    }
    const program = new NativeProgram(compiled.program, memoryBytesMax);
    return new Session(program, compiled.inputs, compiled.outputs);
  }

  /** `digests: false` leaves hashing to a caller that hashes the same bytes within a file. */
  async run(
    inputs: Readonly<Record<string, Tensor>>,
    options: RunOptions & { readonly digests?: boolean } = {},
  ): Promise<RunOutput> {
    const known = new Set(this.inputs.map((port) => port.name));
    const extra = Object.keys(inputs).find((name) => !known.has(name));
    if (extra !== undefined) {
      throw new QuipuError("SHAPE_MISMATCH", `the model has no input named ${extra}`);
    }
    const lent = this.inputs.map((port) =>
      tensorBytes(
        checkTensor(port, Object.hasOwn(inputs, port.name) ? inputs[port.name] : undefined),
      ),
    );
    const results = this.outputs.map(
      (port) => options.into?.get(port.name) ?? new Uint8Array(allocate(portBytes(port))),
    );
    const { backend = "auto", pieces = 0 } = options;
    const ran = await this.#program.run(lent, results, backend, pieces);
    const outputs = new Map<string, Tensor>();
    const digests = new Map<string, Digests>();
    for (const [index, port] of this.outputs.entries()) {
      const bytes = results[index] as Uint8Array<ArrayBuffer>;
      outputs.set(port.name, tensorOver(port, bytes));
      if (options.digests === false) continue;
      digests.set(port.name, await digestsOf(bytes));
    }
    return { outputs, digests, backend: ran };
  }
}
