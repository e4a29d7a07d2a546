/** Tensors while they are lowered: a buffer, seen in a shape. */
import type { DType } from "../dtype.js";

export interface Value {
  /** Several values may be one buffer in several shapes: reshaping moves nothing. */
  readonly buffer: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Of indices: how many elements they choose among; every index is below it. */
  readonly choices?: number;
}

export interface BufferFacts {
  readonly dtype: DType;
  readonly elements: number;
  /** Little-endian elements, of a buffer whose value is known when the model is compiled. */
  readonly bytes?: Uint8Array;
  /** Model inputs that its value depends on. */
  readonly roots: ReadonlySet<string>;
}

/** The numbers of the flat program. */
export const opcodes = Object.freeze({
  matmul: 1,
  map: 2,
  reduce: 3,
  softmax: 4,
  normalise: 5,
  copy: 6,
  gather: 7,
  gatherElements: 8,
  gatherNd: 9,
  scatterElements: 10,
  scatterNd: 11,
  scan: 12,
  topk: 13,
  convolution: 14,
  pool: 15,
  trees: 16,
});
export type Opcode = keyof typeof opcodes;

/** An operator on whole buffers; its words say all about sizes and strides. */
export interface PlainOperator {
  readonly opcode: Exclude<Opcode, "map">;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  readonly words: readonly (number | bigint)[];
}

export interface MapStep {
  readonly name: string;
  /** Registers: inputs first, then constants, then one a step. */
  readonly operands: readonly number[];
}

export interface MapConstant {
  readonly dtype: DType;
  readonly number: number | bigint;
}

/** Elementwise functions over broadcast inputs; structured, so that passes can join two of them. */
export interface MapOperator {
  readonly opcode: "map";
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  readonly shape: readonly number[];
  /** Of each input, in elements; 0 where it repeats. */
  readonly strides: readonly (readonly number[])[];
  readonly constants: readonly MapConstant[];
  readonly steps: readonly MapStep[];
  /** One register a written buffer. */
  readonly results: readonly number[];
}

export type Operator = PlainOperator | MapOperator;
