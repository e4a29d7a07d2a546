/** Floating-point numbers and the bits that hold them. */

const scratch = new DataView(new ArrayBuffer(4));

/** Of the nearest binary32. */
export function float32Bits(number: number): number {
  scratch.setFloat32(0, number);
  return scratch.getUint32(0);
}

export function float16Of(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The leading half of a binary32. */
export function bfloat16Of(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}
