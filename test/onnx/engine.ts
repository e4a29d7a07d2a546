/** What the suite asks of an engine: a model, whole tensors in, whole tensors out. */
import { QuipuError } from "../../src/base/errors.js";
import { compileForValues } from "../../src/compute/engine/compile-files.js";
import {
  OwnedBytes,
  type RunOptions,
  type RunOutput,
  Session,
  type Tensor,
} from "../../src/compute/engine/session.js";
import { tensorBytes } from "../../src/compute/engine/tensor.js";
import type { CompiledModel, TensorPort } from "../../src/compute/tensor/compile.js";
import type { HeldTensor } from "./elements.js";
import { runProgram } from "./machine/run.js";

export interface Compiled {
  run(options: RunOptions & { readonly digests?: boolean }): Promise<RunOutput>;
}

/** The second machine has no options and no digests. */
export interface CompiledForSecond {
  run(): Promise<Pick<RunOutput, "outputs">>;
}

/** Compiled for the shapes of these inputs, and ready to run on them: copied in each run, or handed over. */
export function compileFor(
  model: Uint8Array,
  inputs: readonly HeldTensor[],
  handsOver = false,
): Compiled {
  const tensors = tensorsOf(inputs);
  const session = Session.compileFor(model, tensors);
  const passed = session.inputs.map(({ name, dtype, shape }) => {
    const tensor = tensors[name] as Tensor;
    if (!handsOver) return [name, tensor];
    return [name, { dtype, shape, owned: OwnedBytes.copyOf(tensorBytes(tensor)) }];
  });
  return { run: (options) => session.run(Object.fromEntries(passed), options) };
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
  return compileForValues(model, tensorsOf(inputs));
}

/** Of a type that the engine does not know, the engine says so. */
function tensorsOf(inputs: readonly HeldTensor[]): Readonly<Record<string, Tensor>> {
  const tensors = inputs.map(({ name, dtype, shape, data }) => [name, { dtype, shape, data }]);
  return Object.fromEntries(tensors);
}
