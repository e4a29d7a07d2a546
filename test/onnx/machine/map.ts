/** Elementwise programs, one element after the other. */
import { bfloat16Of, float16Of } from "../../../src/base/float-bits.js";
import { exactFunctions } from "../../../src/compute/tensor/canonical/exact-functions.js";
import { functions } from "../../../src/compute/tensor/canonical/functions.js";
import type { DType } from "../../../src/compute/tensor/dtype.js";
import type { Kernel } from "./run.js";
import { type Element, get, offsets, product, put, Words } from "./words.js";

type Compute = (a: Element, b: Element, c: Element) => Element;

type Near = (a: number, b: number, c: number) => number;

const near = new Map<string, Near>([
  ["exp_f32", Math.exp],
  ["expm1_f32", Math.expm1],
  ["log_f32", Math.log],
  ["log1p_f32", Math.log1p],
  ["tanh_f32", Math.tanh],
  ["sigmoid_f32", (x) => 1 / (1 + Math.exp(-x))],
  ["erf_f32", erf],
  ["sin_f32", Math.sin],
  ["cos_f32", Math.cos],
  ["tan_f32", Math.tan],
  ["asin_f32", Math.asin],
  ["acos_f32", Math.acos],
  ["atan_f32", Math.atan],
  ["sinh_f32", Math.sinh],
  ["cosh_f32", Math.cosh],
  ["asinh_f32", Math.asinh],
  ["acosh_f32", Math.acosh],
  ["atanh_f32", Math.atanh],
  ["softplus_f32", (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))],
  ["gelu_f32", (x) => x * 0.5 * (1 + erf(x * Math.SQRT1_2))],
  ["power_f32", (x, y) => (x === 1 || y === 0 ? 1 : x ** y)],
  ["fused_multiply_add_f32", (a, b, c) => a * b + c],
]);

/** All terms have one sign, so that nothing cancels. */
function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n += 1) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const casts: ReadonlyMap<string, Compute> = new Map([
  ["f16_to_f32", (bits) => float16Of(Number(bits))],
  ["bf16_to_f32", (bits) => bfloat16Of(Number(bits))],
  ["f32_to_f16", (value) => narrow(Number(value), 10, -14, 15)],
  ["f32_to_bf16", (value) => narrow(Number(value), 7, -126, 127)],
]);

/** Bits of the nearest number with so many bits behind the point, ties to even. */
function narrow(value: number, fraction: number, least: number, most: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 1 << (fraction + (most === 15 ? 5 : 8)) : 0;
  const infinity = (2 * most + 1) << fraction;
  if (Number.isNaN(value)) return infinity | (1 << (fraction - 1));
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return sign | infinity;
  const exponent = size === 0 ? least : Math.max(least, Math.floor(Math.log2(size)));
  const unit = 2 ** (exponent - fraction);
  const steps = size / unit; // exact: units are powers of two
  const below = Math.floor(steps);
  const rest = steps - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0;
  const bits = below + up + (exponent - least) * 2 ** fraction;
  return sign | Math.min(infinity, bits);
}

const byNumber = new Map([...functions].map(([name, { number }]) => [number, name]));

function computeOf(number: number): Compute {
  const name = byNumber.get(number);
  if (name === undefined) throw new Error(`no elementwise function ${number}`);
  const exact = exactFunctions.get(name);
  if (exact !== undefined) return exact;
  const about = near.get(name);
  if (about !== undefined) {
    return (a, b, c) => Math.fround(about(Number(a), Number(b), Number(c)));
  }
  const cast = casts.get(name);
  if (cast === undefined) throw new Error(`the second machine has no function ${name}`);
  return cast;
}

const scratch = new DataView(new ArrayBuffer(4));

function constantOf(type: number, bits: bigint): Element {
  if (type !== 1) return bits;
  scratch.setUint32(0, Number(BigInt.asUintN(32, bits)));
  return scratch.getFloat32(0);
}

/** Integers and truth values are computed as BigInt; half precision stays bits. */
function reader(dtype: DType): (element: Element) => Element {
  const isNumber = dtype === "float32" || dtype === "float16" || dtype === "bfloat16";
  return isNumber ? (element) => element : (element) => BigInt(element);
}

function writer(dtype: DType): (element: Element) => Element {
  return dtype === "int64" ? (element) => BigInt(element) : (element) => Number(element);
}

export const map: Kernel = (wordList, reads, writes, types) => {
  const words = new Words(wordList);
  const shape = words.take(words.next());
  const at = reads.map(() => offsets(shape, words.take(shape.length)));
  const constants = Array.from({ length: words.next() }, () =>
    constantOf(words.next(), words.bits()),
  );
  const steps = Array.from({ length: words.next() }, () => {
    const word = words.bits();
    const operand = (shift: bigint) => Number((word >> shift) & 255n);
    const compute = computeOf(Number(word & 65_535n));
    return { compute, a: operand(16n), b: operand(24n), c: operand(32n) };
  });
  const results = words.take(writes.length);
  words.end();
  const read = reads.map((_, input) => reader(types[input] as DType));
  const write = writes.map((_, output) => writer(types[reads.length + output] as DType));
  const count = product(shape);
  for (let index = 0; index < count; index += 1) {
    const registers: Element[] = reads.map((elements, input) => {
      const offset = at[input]?.next().value as number;
      return (read[input] as (element: Element) => Element)(get(elements, offset));
    });
    registers.push(...constants);
    const register = (number: number) => registers[number] as Element;
    for (const { compute, a, b, c } of steps) {
      registers.push(compute(register(a), register(b), register(c)));
    }
    for (const [output, elements] of writes.entries()) {
      const value = register(results[output] as number);
      put(elements, index, (write[output] as (element: Element) => Element)(value));
    }
  }
};
