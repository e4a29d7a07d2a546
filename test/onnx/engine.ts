/** What the suite asks of the engine: a model, whole tensors in, whole tensors out. */
import { QuipuError } from "../../src/base/errors.js";
import {
  type RunOptions,
  type RunOutput,
  Session,
  type Tensor,
} from "../../src/compute/engine/session.js";
import { compileModel, type TensorPort } from "../../src/compute/tensor/compile.js";
import type { HeldTensor } from "./elements.js";

export interface Compiled {
  run(options: RunOptions & { readonly digests?: boolean }): Promise<RunOutput>;
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

/** What the compiler alone says of the outputs. */
export function outputsFor(
  model: Uint8Array,
  inputs: readonly HeldTensor[],
): readonly TensorPort[] {
  return bindAsAsked((byValue) => {
    const given = givenFor(inputs, byValue, ({ dtype, shape, data }) => ({
      dtype,
      shape,
      bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    }));
    return compileModel(model, given as Parameters<typeof compileModel>[1]).outputs;
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
