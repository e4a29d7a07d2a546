/** Tensors as the official suite's files hold them, by the names of their element types. */
import { bfloat16Of, float16Of } from "../../src/base/float-bits.js";

export type Elements =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

interface ElementsType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, offset?: number, length?: number): Elements;
}

/** Half precision is held as its bits; text, complex and newer types are not held. */
export const elementsTypes: ReadonlyMap<string, ElementsType> = new Map<string, ElementsType>([
  ["float32", Float32Array],
  ["float64", Float64Array],
  ["int64", BigInt64Array],
  ["uint64", BigUint64Array],
  ["int32", Int32Array],
  ["uint32", Uint32Array],
  ["int16", Int16Array],
  ["uint16", Uint16Array],
  ["int8", Int8Array],
  ["uint8", Uint8Array],
  ["bool", Uint8Array],
  ["float16", Uint16Array],
  ["bfloat16", Uint16Array],
]);

export interface HeldTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Elements;
}

/** The value of an element as a number, for the types whose elements are bits. */
export function floatReader(dtype: string): ((bits: number) => number) | undefined {
  if (dtype === "float16") return float16Of;
  if (dtype === "bfloat16") return bfloat16Of;
  if (dtype === "float32" || dtype === "float64") return (value) => value;
  return undefined;
}
