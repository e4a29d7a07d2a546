/** Element types, by the numbers of ONNX and of the flat program, and how much a tensor may hold. */

export const dtypeNumbers = Object.freeze({
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
});
export type DType = keyof typeof dtypeNumbers;

const byNumber: ReadonlyMap<number, DType> = new Map(
  Object.entries(dtypeNumbers).map(([name, number]) => [number, name as DType]),
);

export function dtypeOf(number: number): DType | undefined {
  return byNumber.get(number);
}

/** What a model may also name, though nobody here computes with it: name, bytes of an element. */
const foreignTypes: ReadonlyMap<number, readonly [string, number]> = new Map([
  [4, ["uint16", 2]],
  [5, ["int16", 2]],
  [8, ["string", 0]],
  [11, ["float64", 8]],
  [12, ["uint32", 4]],
  [13, ["uint64", 8]],
  [14, ["complex64", 8]],
  [15, ["complex128", 16]],
]);

/** Of any type that ONNX has a number for. */
export function elementTypeName(number: number): string {
  return dtypeOf(number) ?? foreignTypes.get(number)?.[0] ?? `type ${number}`;
}

/** Likewise; 0 for texts, and where nobody knows. */
export function elementTypeBytes(number: number): number {
  const dtype = dtypeOf(number);
  return dtype === undefined ? (foreignTypes.get(number)?.[1] ?? 0) : elementBytes(dtype);
}

const bytesOf: Readonly<Record<DType, number>> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
  bfloat16: 2,
};

export function elementBytes(dtype: DType): number {
  return bytesOf[dtype];
}

/** The first byte that is no truth value, 0 or 1, among elements that have to be; -1 without one. */
export function strayBool(dtype: DType, bytes: Uint8Array): number {
  return dtype === "bool" ? bytes.findIndex((byte) => byte > 1) : -1;
}

export const tensorLimits = Object.freeze({
  axesMax: 8,
  /** Of one tensor. */
  bytesMax: 2 ** 40,
});

/** Product of a shape; undefined when it passes what a tensor may hold. */
export function elementCount(shape: readonly number[], dtype: DType): number | undefined {
  let count = 1;
  // Zero-sized axes are left out at first, so that the others are bounded all the same.
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return undefined;
    if (size !== 0) count *= size;
    if (count * elementBytes(dtype) > tensorLimits.bytesMax) return undefined;
  }
  return shape.includes(0) ? 0 : count;
}

/** Of a shape that has been checked. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
