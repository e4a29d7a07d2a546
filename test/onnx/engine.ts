/** What the suite asks of an engine: a model, whole tensors in, whole tensors out. */
import { QuipuError } from "../../src/base/errors.js";
import {
  type RunOptions,
  type RunOutput,
  Session,
  type Tensor,
} from "../../src/compute/engine/session.js";
import {
  type CompiledModel,
  compileModel,
  type TensorPort,
} from "../../src/compute/tensor/compile.js";
import type { HeldTensor } from "./elements.js";
import { runProgram } from "./machine/run.js";

export interface Compiled {
  run(options: RunOptions & { readonly digests?: boolean }): Promise<RunOutput>;
}

/** The second machine has no options and no digests. */
export interface CompiledForSecond {
  run(): Promise<Pick<RunOutput, "outputs">>;
}

/** Compiled for the shapes of these inputs, and ready to run on them. */
export function compileFor(model: Uint8Array, inputs: readonly HeldTensor[]): Compiled {
  return bindAsAsked((byValue) => {
    const given = givenFor(inputs, byValue, tensorOf);
    const session = Session.compile(model, given as Parameters<typeof Session.compile>[1]);
    const passed = inputs.filter(({ name }) => !byValue.has(name));
    const tensors = Object.fromEntries(passed.map((input) => [input.name, tensorOf(input)]));
    return { run: (options) => session.run(tensors, options) };
  });
}

/** The same, but computed by the second machine instead of the addon. */
export function compileForSecond(
  model: Uint8Array,
  inputs: readonly HeldTensor[],
): CompiledForSecond {
  const { program, inputs: needed, outputs } = compiledFor(model, inputs);
  const data = needed.map(({ name }) => {
    const input = inputs.find((candidate) => candidate.name === name);
    if (input === undefined) throw new QuipuError("INTERNAL", `no input ${name}`);
    return input.data;
  });
  const run = async () => {
    const results = runProgram(program, data);
    const tensors = outputs.map(({ name, dtype, shape }, index) => {
      const tensor = { dtype, shape, data: results[index] } as unknown as Tensor;
      return [name, tensor] as const;
    });
    return { outputs: new Map(tensors) };
  };
  return { run };
}

/** What the compiler alone says of the outputs. */
export function outputsFor(
  model: Uint8Array,
  inputs: readonly HeldTensor[],
): readonly TensorPort[] {
  return compiledFor(model, inputs).outputs;
}

function compiledFor(model: Uint8Array, inputs: readonly HeldTensor[]): CompiledModel {
  return bindAsAsked((byValue) => {
    const given = givenFor(inputs, byValue, ({ dtype, shape, data }) => ({
      dtype,
      shape,
      bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    }));
    return compileModel(model, given as Parameters<typeof compileModel>[1]);
  });
}

/**
 * Where a shape within the model depends on an input's value, the compiler asks for it by name, and
 * gets it.
 */
function bindAsAsked<Result>(compile: (byValue: ReadonlySet<string>) => Result): Result {
  const byValue = new Set<string>();
  for (;;) {
    try {
      return compile(byValue);
    } catch (thrown) {
      const wanted = askedFor(thrown).filter((name) => !byValue.has(name));
      if (wanted.length === 0) throw thrown;
      for (const name of wanted) byValue.add(name);
    }
  }
}

function askedFor(thrown: unknown): readonly string[] {
  if (!(thrown instanceof QuipuError) || thrown.code !== "MODEL_UNSUPPORTED") return [];
  const { bind } = thrown.details;
  return Array.isArray(bind) ? bind.map(String) : [];
}

function givenFor(
  inputs: readonly HeldTensor[],
  byValue: ReadonlySet<string>,
  told: (input: HeldTensor) => unknown,
): unknown {
  const given = inputs.map((input) => [
    input.name,
    byValue.has(input.name) ? told(input) : input.shape,
  ]);
  return Object.fromEntries(given);
}

/** Of a type that the engine does not know, the engine says so. */
function tensorOf({ dtype, shape, data }: HeldTensor): Tensor {
  return { dtype, shape, data } as unknown as Tensor;
}
