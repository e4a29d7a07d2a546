/** From a model, the files beside it and what is known of its inputs to a compiled program. */
import { QuipuError } from "../../base/errors.js";
import {
  type CompiledModel,
  type CompileOptions,
  compileGraph,
  importModel,
} from "../tensor/compile.js";
import type { Given } from "../tensor/lower/bind.js";
import type { Graph } from "../tensor/onnx/graph.js";
import { type CompiledProduct, compileProduct } from "../tensor/product.js";
import { withExternalData } from "./external-data.js";
import { checkBools, portBytes, type Tensor, tensorBytes } from "./tensor.js";

/** Of each input its shape, or its value when the shapes of other tensors depend on it. */
export type Inputs = Readonly<Record<string, readonly number[] | Tensor>>;

export interface CompileFilesOptions extends CompileOptions {
  /** Holds the files beside the model in which weights may lie; nothing outside it is read. */
  readonly folder?: string;
}

/** The value of each tensor is compiled in. */
export function compileFiles(
  modelBytes: Uint8Array,
  inputs: Inputs,
  options: CompileFilesOptions = {},
): CompiledModel {
  return compileGraph(importFiles(modelBytes, options), givenOf(inputs), options.passes);
}

/**
 * For inputs that are at hand: of tensors only the shape is told, unless a shape within the model depends
 * on their value, which the compiler asks for by name. The compiled model does not take those any more.
 */
export function compileForValues(
  modelBytes: Uint8Array,
  inputs: Inputs,
  options: CompileFilesOptions = {},
): CompiledModel {
  return compilingFor(modelBytes, inputs, options, (graph, given) =>
    compileGraph(graph, given, options.passes),
  );
}

/** Likewise, but only what comes before the model's one matrix product: its operands, and its shape. */
export function compileOperands(modelBytes: Uint8Array, inputs: Inputs): CompiledProduct {
  return compilingFor(modelBytes, inputs, {}, compileProduct);
}

function compilingFor<Compiled>(
  modelBytes: Uint8Array,
  inputs: Inputs,
  options: CompileFilesOptions,
  compile: (graph: Graph, given: Given) => Compiled,
): Compiled {
  const graph = importFiles(modelBytes, options);
  const asked = new Set<string>();
  const isKept = (name: string) =>
    Object.hasOwn(inputs, name) && isTensor(inputs[name]) && !asked.has(name);
  for (;;) {
    const told = Object.entries(inputs).map(([name, given]) => {
      return [name, isTensor(given) && isKept(name) ? given.shape : given] as const;
    });
    try {
      return compile(graph, givenOf(Object.fromEntries(told)));
    } catch (thrown) {
      const wanted = askedFor(thrown).filter(isKept);
      if (wanted.length === 0) throw thrown;
      for (const name of wanted) asked.add(name);
    }
  }
}

/** Memory of a run: its inputs, its outputs and all between them. */
export function runBytes({ inputs, outputs, arenaBytes, preparedBytes }: CompiledModel): number {
  return [...inputs, ...outputs].reduce(
    (sum, port) => sum + portBytes(port),
    arenaBytes + preparedBytes,
  );
}

function importFiles(modelBytes: Uint8Array, { folder, readExternal }: CompileFilesOptions): Graph {
  if (folder === undefined) return importModel(modelBytes, readExternal);
  return withExternalData(folder, (read) => importModel(modelBytes, read));
}

function isTensor(given: Inputs[string] | undefined): given is Tensor {
  return given !== undefined && "dtype" in given;
}

function askedFor(thrown: unknown): readonly string[] {
  if (!(thrown instanceof QuipuError) || thrown.code !== "MODEL_UNSUPPORTED") return [];
  const { bind } = thrown.details;
  return Array.isArray(bind) ? bind.map(String) : [];
}

function givenOf(inputs: Inputs): Given {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, given]) => {
      if (!isTensor(given)) return [name, given];
      const { dtype, shape } = given;
      const bytes = tensorBytes(given).slice();
      checkBools({ name, dtype }, bytes);
      return [name, { dtype, shape, bytes }];
    }),
  );
}
