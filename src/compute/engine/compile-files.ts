/** From a model, the files beside it and what is known of its inputs to a compiled program. */
import { type CompiledModel, type CompileOptions, compileModel } from "../tensor/compile.js";
import type { Given } from "../tensor/lower/bind.js";
import { withExternalData } from "./external-data.js";
import { checkBools, portBytes, type Tensor, tensorBytes } from "./tensor.js";

/** Of each input its shape, or its value when the shapes of other tensors depend on it. */
export type Inputs = Readonly<Record<string, readonly number[] | Tensor>>;

export interface CompileFilesOptions extends CompileOptions {
  /** Holds the files beside the model in which weights may lie; nothing outside it is read. */
  readonly folder?: string;
}

export function compileFiles(
  modelBytes: Uint8Array,
  inputs: Inputs,
  options: CompileFilesOptions = {},
): CompiledModel {
  const given = givenOf(inputs);
  if (options.folder === undefined) return compileModel(modelBytes, given, options);
  return withExternalData(options.folder, (readExternal) =>
    compileModel(modelBytes, given, { ...options, readExternal }),
  );
}

/** Memory of a run: its inputs, its outputs and all between them. */
export function runBytes({ inputs, outputs, arenaBytes, preparedBytes }: CompiledModel): number {
  return [...inputs, ...outputs].reduce(
    (sum, port) => sum + portBytes(port),
    arenaBytes + preparedBytes,
  );
}

function givenOf(inputs: Inputs): Given {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, given]) => {
      if (!("dtype" in given)) return [name, given];
      checkBools(name, given);
      const { dtype, shape } = given;
      return [name, { dtype, shape, bytes: tensorBytes(given).slice() }];
    }),
  );
}
