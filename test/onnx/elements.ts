/** Element types as ONNX numbers them, and tensors as the official suite's files hold them. */

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

interface ElementType {
  readonly name: string;
  readonly bytes: number;
  /** Elements over bytes that belong to nobody else. */
  readonly over: (buffer: ArrayBuffer) => Elements;
}

/** By number. Half precision is held as its bits; text, complex and newer types are not held. */
export const elementTypes: ReadonlyMap<number, ElementType> = new Map([
  [1, { name: "float32", bytes: 4, over: (buffer) => new Float32Array(buffer) }],
  [2, { name: "uint8", bytes: 1, over: (buffer) => new Uint8Array(buffer) }],
  [3, { name: "int8", bytes: 1, over: (buffer) => new Int8Array(buffer) }],
  [4, { name: "uint16", bytes: 2, over: (buffer) => new Uint16Array(buffer) }],
  [5, { name: "int16", bytes: 2, over: (buffer) => new Int16Array(buffer) }],
  [6, { name: "int32", bytes: 4, over: (buffer) => new Int32Array(buffer) }],
  [7, { name: "int64", bytes: 8, over: (buffer) => new BigInt64Array(buffer) }],
  [9, { name: "bool", bytes: 1, over: (buffer) => new Uint8Array(buffer) }],
  [10, { name: "float16", bytes: 2, over: (buffer) => new Uint16Array(buffer) }],
  [11, { name: "float64", bytes: 8, over: (buffer) => new Float64Array(buffer) }],
  [12, { name: "uint32", bytes: 4, over: (buffer) => new Uint32Array(buffer) }],
  [13, { name: "uint64", bytes: 8, over: (buffer) => new BigUint64Array(buffer) }],
  [16, { name: "bfloat16", bytes: 2, over: (buffer) => new Uint16Array(buffer) }],
]);

const otherNames: ReadonlyMap<number, string> = new Map([
  [8, "string"],
  [14, "complex64"],
  [15, "complex128"],
]);

export function elementTypeName(number: number): string {
  return elementTypes.get(number)?.name ?? otherNames.get(number) ?? `type ${number}`;
}

export interface HeldTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Elements;
}

/** The value of an element as a number, for the types whose elements are bits. */
export function floatReader(dtype: string): ((bits: number) => number) | undefined {
  if (dtype === "float16") return halfToNumber;
  if (dtype === "bfloat16") return bfloatToNumber;
  if (dtype === "float32" || dtype === "float64") return (value) => value;
  return undefined;
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const scratch = new DataView(new ArrayBuffer(4));

function bfloatToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}
