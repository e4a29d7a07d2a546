/** The graph between importer and lowering: operators on named tensors, in an order that can run. */

/** Numbers are those of ONNX and of the flat program. */
export const dtypeNumbers = Object.freeze({ float32: 1, int64: 7 });
export type DType = keyof typeof dtypeNumbers;

export function dtypeOf(number: number): DType | undefined {
  if (number === dtypeNumbers.float32) return "float32";
  if (number === dtypeNumbers.int64) return "int64";
  return undefined;
}

export function elementBytes(dtype: DType): number {
  return dtype === "float32" ? 4 : 8;
}

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

export type AttributeValue = number | bigint | string | undefined;

export interface GraphNode {
  /** The node's own name, or one made from its operator and position; for messages. */
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  /** An empty name is an output that nobody wants. */
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

export interface Graph {
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly string[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly nodes: readonly GraphNode[];
}

export const graphLimits = Object.freeze({
  modelBytesMax: 1024 * 1024 * 1024,
  /** Of its file, with the integers of packed fields; floats and raw data count as one field each. */
  fieldsMax: 2_097_152,
  nodesMax: 8_192,
  axesMax: 8,
  /** Of one tensor. */
  tensorBytesMax: 2 ** 40,
});

/** Product of a shape, refused when it passes what a tensor may hold. */
export function elementCount(shape: readonly number[], dtype: DType): number | undefined {
  let count = 1;
  // Zero-sized axes are left out at first, so that the others are bounded all the same.
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return undefined;
    if (size !== 0) count *= size;
    if (count * elementBytes(dtype) > graphLimits.tensorBytesMax) return undefined;
  }
  return shape.includes(0) ? 0 : count;
}
