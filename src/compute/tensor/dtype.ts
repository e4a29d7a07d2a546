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
