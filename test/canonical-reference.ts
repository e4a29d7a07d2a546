/**
 * `canonical-1` a second time, from docs/arithmetic.md alone and in exact integers: what the golden
 * vectors are made with, and what the kernels are compared with. Slow on purpose.
 */

const scaleBits = 300n; // products of two binary32 are multiples of 2^-298

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

export function floatOf(bits: number): number {
  words[0] = bits;
  return floats[0] as number;
}

const doubles = new Float64Array(1);
const doubleWords = new BigUint64Array(doubles.buffer);

/** value · 2^300, exactly; for finite values that are multiples of 2^-300. */
function scaled(value: number): bigint {
  doubles[0] = value;
  const bits = doubleWords[0] as bigint;
  const exponent = (bits >> 52n) & 0x7ffn;
  if (exponent === 0n) return 0n; // no binary64 subnormal is a product or a binary32
  const significand = (bits & 0xf_ffff_ffff_ffffn) | 0x10_0000_0000_0000n;
  const shift = exponent - 1075n + scaleBits;
  const size = shift >= 0n ? significand << shift : significand >> -shift;
  return bits >> 63n === 0n ? size : -size;
}

/** a·b + c, rounded once to binary32, nearest even. */
export function fusedExact(a: number, b: number, c: number): number {
  const rough = a * b + c; // a·b is exact in binary64
  if (!Number.isFinite(rough) || rough === 0) return Math.fround(rough);
  const sum = scaled(a * b) + scaled(c);
  const size = sum < 0n ? -sum : sum;
  const length = size.toString(2).length;
  const quantum = Math.max(length - 24 - Number(scaleBits), -149);
  const shift = BigInt(quantum) + scaleBits;
  let kept = size >> shift;
  const twice = (size - (kept << shift)) * 2n;
  const unit = 1n << shift;
  if (twice > unit || (twice === unit && (kept & 1n) === 1n)) kept += 1n;
  const rounded = Math.fround(Number(kept) * 2 ** quantum);
  return sum < 0n ? -rounded : rounded;
}

const block = 256;

export function matmulExact(
  a: Float32Array,
  b: Float32Array,
  m: number,
  n: number,
  k: number,
): Float32Array<ArrayBuffer> {
  const c = new Float32Array(m * n);
  for (let i = 0; i < m; i += 1) {
    for (let j = 0; j < n; j += 1) {
      let total = 0;
      for (let start = 0; start < k; start += block) {
        let sum = 0;
        for (let p = start; p < Math.min(start + block, k); p += 1) {
          sum = fusedExact(a[i * k + p] as number, b[p * n + j] as number, sum);
        }
        total = start === 0 ? sum : Math.fround(total + sum);
      }
      c[i * n + j] = total;
    }
  }
  return canonical(c);
}

/** Each NaN becomes 7fc00000. */
export function canonical(values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (const [i, value] of values.entries()) if (Number.isNaN(value)) bits[i] = 0x7fc00000;
  return values;
}

/** NaN above all numbers and equal to itself; -0 equals +0. */
export function compare(x: number, y: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x < y ? -1 : x > y ? 1 : 0;
}

export function topKExact(row: Float32Array, k: number, largest: boolean): number[] {
  const indices = [...row.keys()];
  indices.sort((i, j) => {
    const order = compare(row[i] as number, row[j] as number);
    return (largest ? -order : order) || i - j;
  });
  return indices.slice(0, k);
}

/** The finaliser of MurmurHash3 over seed + i·0x9e3779b9: test input by formula. */
export function mixedWord(seed: number, i: number): number {
  let h = (seed + Math.imul(i, 0x9e3779b9)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export const formulas = Object.freeze({
  /** Multiples of 2^-23 in [-1, 1). */
  unit: (word: number): number => ((word >>> 8) - 2 ** 23) / 2 ** 23,
  /** Any sign and significand, exponents from -40 to 23: sums lose many bits. */
  wide: (word: number): number =>
    floatOf(((word & 0x807fffff) | ((87 + ((word >>> 23) & 63)) << 23)) >>> 0),
  /** Within 1/32 of 1: long products neither vanish nor overflow. */
  near: (word: number): number => (2 ** 23 - 2 ** 18 + (word >>> 13)) / 2 ** 23,
  /** Below 2^-63: products are subnormal or vanish. */
  tiny: (word: number): number =>
    floatOf(((word & 0x807fffff) | ((52 + ((word >>> 23) & 15)) << 23)) >>> 0),
  /** Any bits at all: NaN, infinities and subnormals among them. */
  bits: (word: number): number => word,
});
export type Formula = keyof typeof formulas;

export function byFormula(
  formula: Formula,
  seed: number,
  count: number,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < count; i += 1) {
    const word = mixedWord(seed, i);
    if (formula === "bits") bits[i] = word;
    else values[i] = formulas[formula](word);
  }
  return values;
}

/** Eight digits an element. */
export function toBitText(values: Float32Array): string {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return [...bits].map((word) => word.toString(16).padStart(8, "0")).join("");
}

export function fromBitText(text: string): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(text.length / 8);
  for (let i = 0; i < bits.length; i += 1) {
    bits[i] = Number.parseInt(text.slice(i * 8, i * 8 + 8), 16);
  }
  return new Float32Array(bits.buffer);
}

/** Elements by formula and seed, or their bits, eight hexadecimal digits an element. */
export type VectorInput =
  | { readonly formula: Formula; readonly seed: number }
  | { readonly bits: string };

export function inputOf(input: VectorInput, count: number): Float32Array<ArrayBuffer> {
  return "bits" in input ? fromBitText(input.bits) : byFormula(input.formula, input.seed, count);
}
