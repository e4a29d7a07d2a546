/** The graph as the model has it: operators on named tensors, in an order that can run. */
import type { DType } from "../dtype.js";
import type { OnnxAttribute } from "./message.js";

/** A size, a name that stands for the same size wherever it appears, or unknown. */
export type Axis = number | string | undefined;

export interface GraphInput {
  readonly name: string;
  readonly dtype: DType;
  /** Absent when the model leaves even the number of axes open. */
  readonly axes: readonly Axis[] | undefined;
}

export interface Constant {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Little-endian elements. */
  readonly bytes: Uint8Array;
}

export interface GraphNode {
  /** The node's own name, or one made from its operator and position; for messages. */
  readonly name: string;
  /** With its domain where that is not ONNX's own, as in `ai.onnx.ml.TreeEnsembleRegressor`. */
  readonly operator: string;
  /** Of its domain's operator set that the model asks for. */
  readonly version: number;
  /** An empty name is an input that is not given. */
  readonly inputs: readonly string[];
  /** An empty name is an output that nobody wants. */
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
  /** Those of its attributes that are graphs: what it may compute, and when, is the operator's. */
  readonly graphs: ReadonlyMap<string, Body>;
}

/** A graph, or one within a node, which also sees the names that are known where the node stands. */
export interface Body {
  /** Names of what it is given, in order. */
  readonly parameters: readonly string[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly string[];
}

export interface Graph extends Body {
  readonly inputs: readonly GraphInput[];
}

export const graphLimits = Object.freeze({
  modelBytesMax: 1024 * 1024 * 1024,
  /** Of its file, with the integers of packed fields; floats and raw data count as one field each. */
  fieldsMax: 2_097_152,
  nodesMax: 16_384,
});
