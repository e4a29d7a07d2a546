/**
 * Compile once, run many: an ONNX model, compiled for given inputs, on any backend. The library
 * `quipu/tensor`.
 */
import { totalmem } from "node:os";
import { QuipuError } from "../../base/errors.js";
import type { OwnedBytes } from "../native/hashing.js";
import { allocate } from "../native/memory.js";
import { lendBytes } from "../native/owned-bytes.js";
import { type Backend, NativeProgram } from "../native/program.js";
import { arithmetic, type CompiledModel, type TensorPort } from "../tensor/compile.js";
import type { ProductShape } from "../tensor/product.js";
import { isTurnLong, runAtOnce } from "./at-once.js";
import { type BoundSession, bindSession } from "./bound.js";
import {
  type CompileFilesOptions,
  compileFiles,
  compileForValues,
  compileOperands,
  type Inputs,
  runBytes,
} from "./compile-files.js";
import { resultsOf } from "./results.js";
import type { RunOptions, RunOutput } from "./run.js";
import {
  checkBools,
  checkTensor,
  type OwnedTensor,
  ownTensor,
  portBytes,
  type Tensor,
} from "./tensor.js";

export { OwnedBytes } from "../native/hashing.js";
export type { Backend, Fast } from "../native/program.js";
export type { TensorPort } from "../tensor/compile.js";
export type { BoundSession } from "./bound.js";
export type { Inputs } from "./compile-files.js";
export type { Into, RunOptions, RunOutput } from "./run.js";
export { type DType, float32, int64, type OwnedTensor, type Tensor, tensor } from "./tensor.js";

export interface SessionOptions extends CompileFilesOptions {
  /** Most working memory that a run may take; half of the machine's without it. */
  readonly memoryBytesMax?: number;
}

/** What a run may take unless its caller says otherwise: half of the machine's memory. */
export function memoryBytesDefault(): number {
  return Math.floor(totalmem() / 2);
}

/** Multiply-adds, visits and bytes together: a millisecond or two, but tens of them without vectors. */
const atOnceWorkMax = 2 ** 26;

export class Session {
  /** Version of the frozen arithmetic that runs compute in. */
  readonly arithmetic = arithmetic;
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly #program: NativeProgram;
  /** Of a run: multiply-adds, what poolings and trees visit, and bytes that it passes over. */
  readonly #work: number;
  /** What has run as a task, by what was asked for. */
  readonly #ran = new Map<string, Backend>();
  /** Runs on the addon's threads that have not ended. */
  #tasks = 0;

  private constructor(
    program: NativeProgram,
    work: number,
    inputs: readonly TensorPort[],
    outputs: readonly TensorPort[],
  ) {
    this.#program = program;
    this.#work = work;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  /**
   * Refuses what cannot be compiled: MODEL_INVALID, MODEL_UNSUPPORTED, SHAPE_MISMATCH. Inputs whose
   * value is needed are in the error's `details.bind`.
   */
  static compile(modelBytes: Uint8Array, inputs: Inputs, options: SessionOptions = {}): Session {
    return Session.#open(compileFiles(modelBytes, inputs, options), options);
  }

  /**
   * For tensors that are at hand: those whose value shapes depend on are compiled in, and are then none of
   * the session's inputs.
   */
  static compileFor(
    modelBytes: Uint8Array,
    tensors: Readonly<Record<string, Tensor>>,
    options: SessionOptions = {},
  ): Session {
    return Session.#open(compileForValues(modelBytes, tensors, options), options);
  }

  /**
   * Not the model, which must be one matrix product of what its other operators give, but that product's
   * operands, as the outputs `a` and `b`. MODEL_UNSUPPORTED for any other model.
   */
  static compileOperands(
    modelBytes: Uint8Array,
    tensors: Readonly<Record<string, Tensor>>,
    options: Pick<SessionOptions, "memoryBytesMax"> = {},
  ): { readonly session: Session; readonly shape: ProductShape; readonly output: TensorPort } {
    const { operands, shape, output } = compileOperands(modelBytes, tensors);
    return { session: Session.#open(operands, options), shape, output };
  }

  static #open(compiled: CompiledModel, options: SessionOptions): Session {
    const memoryBytesMax = options.memoryBytesMax ?? memoryBytesDefault();
    const needed = runBytes(compiled);
    if (needed > memoryBytesMax) {
      throw new QuipuError(
        "LIMIT_EXCEEDED",
        `a run needs ${needed} bytes of memory and ${memoryBytesMax} are allowed`,
        { next: "use a smaller batch or a larger host" },
      );
    }
    const program = new NativeProgram(compiled.program, memoryBytesMax);
    const { multiplyAdds, visits, passedBytes } = compiled.measure;
    const work = multiplyAdds + visits + passedBytes;
    return new Session(program, work, compiled.inputs, compiled.outputs);
  }

  /**
   * For a small model that runs often: memory for its inputs and outputs, and a call that computes one
   * from the other at once, on the calling thread and with the pool's help. LIMIT_EXCEEDED for more work
   * than a millisecond or two.
   */
  bind({ backend = "auto" }: Pick<RunOptions, "backend"> = {}): BoundSession {
    if (this.#work > atOnceWorkMax) {
      throw new QuipuError(
        "LIMIT_EXCEEDED",
        `a run is too much work (${this.#work}) to keep the calling thread waiting`,
        { next: "await run" },
      );
    }
    return bindSession(this.#program, this.inputs, this.outputs, backend);
  }

  /**
   * Inputs are copied, unless their memory is handed over. Little work is done at once, on the calling
   * thread; the first run, and more work, on a thread of the addon.
   */
  async run(
    inputs: Readonly<Record<string, Tensor | OwnedTensor>>,
    options: RunOptions = {},
  ): Promise<RunOutput> {
    const known = new Set(this.inputs.map((port) => port.name));
    const extra = Object.keys(inputs).find((name) => !known.has(name));
    if (extra !== undefined) {
      throw new QuipuError("SHAPE_MISMATCH", `the model has no input named ${extra}`, {
        next: `give the inputs ${[...known].join(", ")}`,
      });
    }
    const given = this.inputs.map((port) => {
      const input = Object.hasOwn(inputs, port.name) ? inputs[port.name] : undefined;
      return checkTensor(port, input ?? undefined);
    });
    const backend = this.#isLittle(options) ? this.#hasRunOn(options.backend) : undefined;
    if (backend === undefined) return this.#runAsTask(given, options);
    return runAtOnce(this.#program, this, backend, given, options);
  }

  #isLittle({ pieces = 0, into, fast }: RunOptions): boolean {
    if (this.#work > atOnceWorkMax || this.#tasks > 0 || isTurnLong()) return false;
    return pieces === 0 && into === undefined && fast === undefined;
  }

  /** Vectors that a task has run on before: the first run also computes what lasts. */
  #hasRunOn(asked: Backend | undefined): "avx2" | "avx512" | undefined {
    const backend = this.#ran.get(askedFor(asked));
    return backend === "avx2" || backend === "avx512" ? backend : undefined;
  }

  async #runAsTask(
    given: readonly (Tensor | OwnedTensor)[],
    options: RunOptions,
  ): Promise<RunOutput> {
    const owned = given.map(ownTensor);
    for (const [at, port] of this.inputs.entries()) {
      if (port.dtype !== "bool") continue;
      await lendBytes(owned[at] as OwnedBytes, async (bytes) => checkBools(port, bytes));
    }
    const { backend = "auto", pieces = 0, into } = options;
    const ports: TensorPort[] = [];
    const written: Uint8Array<ArrayBuffer>[] = [];
    const results = this.outputs.map((port) => {
      const given = into?.get(port.name);
      if (given !== undefined) return { ...given, bytes: portBytes(port) };
      const bytes = new Uint8Array(allocate(portBytes(port)));
      ports.push(port);
      written.push(bytes);
      return bytes;
    });
    this.#tasks += 1;
    const ran = await this.#program
      .run(owned, results, backend, pieces, options)
      .finally(() => (this.#tasks -= 1));
    this.#ran.set(askedFor(options.backend), ran);
    const determinism = options.fast === undefined ? "bitwise" : "none";
    const { outputs, digests } = await resultsOf(ports, written, options);
    return { outputs, digests, backend: ran, determinism };
  }
}

/** `auto` is asked for anew each time. */
function askedFor(backend: Backend = "auto"): string {
  return backend === "auto" ? (process.env.QUIPU_BACKEND ?? backend) : backend;
}
