/**
 * The elementary functions of `canonical-1` a second time, from docs/arithmetic.md: one rounded operation
 * after the other in binary64 and exact integers. Coefficients are the binary32 nearest to the digits.
 */
import { floatOf, fusedExact } from "./canonical-reference.js";

export type F32Function = (...operands: number[]) => number;

const round = Math.fround;
export const add = (a: number, b: number): number => round(a + b);
const subtract = (a: number, b: number): number => round(a - b);
const multiply = (a: number, b: number): number => round(a * b);
const divide = (a: number, b: number): number => round(a / b);
// A root of a binary32 in binary64 is never close enough to the middle of two for a second rounding.
const root = (x: number): number => round(Math.sqrt(x));
const fma = fusedExact;

const bitsView = new DataView(new ArrayBuffer(4));
function bitsOf(x: number): number {
  bitsView.setFloat32(0, x);
  return bitsView.getUint32(0);
}

const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);
const withSign = (size: number, sign: number): number =>
  isNegative(sign) ? -Math.abs(size) : Math.abs(size);

/** Horner's rule, fused, from the highest power down. */
function polynomial(x: number, ...coefficients: readonly number[]): number {
  let sum = round(coefficients[0] as number);
  for (const coefficient of coefficients.slice(1)) sum = fma(sum, x, round(coefficient));
  return sum;
}

/** x · 2^n, rounded once: exact in binary64. */
const scale = (x: number, n: number): number => round(x * 2 ** n);

/** Halves to even. */
export function nearestInteger(x: number): number {
  if (!(Math.abs(x) < 2 ** 23)) return x;
  const floor = Math.floor(x);
  const rest = x - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  return withSign(Math.abs(up ? floor + 1 : floor), x);
}

const log2E = round(Math.LOG2E);
const ln2High = round(0.693147182);
const ln2Low = round(-1.90465421e-9);
/** The integer nearest to x · factor before any rounding of the product. */
const multiple = (x: number, factor: number): number =>
  subtract(fma(x, factor, 12582912), 12582912);

const expCurve = (r: number): number =>
  polynomial(r, 0.0013818939, 0.008368704, 0.04166829, 0.16666521, 0.49999994);

interface Exponential {
  readonly power: number;
  readonly exponent: number;
}

function exponentialOf(x: number): Exponential {
  const inside = Math.min(Math.max(x, -104), 90);
  const n = multiple(inside, log2E);
  const r = fma(n, -ln2Low, fma(n, -ln2High, inside));
  const sum = add(1, r);
  const low = subtract(r, subtract(sum, 1));
  return { power: add(fma(expCurve(r), multiply(r, r), low), sum), exponent: n };
}

function exponentialOfSum(x: number, low: number): Exponential {
  const n = multiple(x, log2E);
  const exact = fma(n, -ln2High, x);
  const rest = fma(n, -ln2Low, low);
  const r = add(exact, rest);
  const lost = add(subtract(exact, r), rest);
  const sum = add(1, r);
  const tail = add(subtract(r, subtract(sum, 1)), lost);
  return { power: add(fma(expCurve(r), multiply(r, r), tail), sum), exponent: n };
}

function exp(x: number): number {
  const { power, exponent } = exponentialOf(x);
  return scale(power, exponent);
}

function expm1(x: number): number {
  const inside = Math.min(Math.max(x, -30), 89);
  const n = multiple(inside, log2E);
  const exact = fma(n, -ln2High, inside);
  const r = fma(n, -ln2Low, exact);
  const lost = fma(n, -ln2Low, subtract(exact, r));
  const q = polynomial(r, 0.00019764331, 0.0013932365, 0.008333543, 0.041666493, 0.16666666, 0.5);
  const rest = fma(q, multiply(r, r), lost);
  const one = subtract(1, scale(1, -n));
  const sum = add(one, r);
  const low = add(subtract(r, subtract(sum, one)), rest);
  return withSign(scale(add(sum, low), n), x);
}

function sigmoid(x: number): number {
  const z = exp(-Math.abs(x));
  const sum = add(1, z);
  const lost = add(subtract(1, sum), z);
  const y = divide(x < 0 ? z : 1, sum);
  return fma(-y, multiply(lost, fma(z, -0.5, round(0.95703125))), y);
}

/** x = m · 2^k with the bits of m from `least` on, for positive normal x. */
function split(bits: number, least: number): { readonly m: number; readonly k: number } {
  const exponent = (bits - least) & 0xff800000;
  return { m: floatOf((bits - exponent) >>> 0), k: exponent / 2 ** 23 };
}

function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return -Infinity;
  if (x === Infinity) return x;
  const tiny = x < 2 ** -126;
  const { m, k } = split(bitsOf(tiny ? x * 2 ** 23 : x), 0x3f2aaaab);
  const f = subtract(m, 1);
  const q = polynomial(
    f,
    ...[-0.128777, 0.1398596, -0.12187749, 0.14005476, -0.16680208],
    ...[0.20010439, -0.24999805, 0.33333215, -0.5],
  );
  return fma(tiny ? k - 23 : k, ln2High, fma(q, multiply(f, f), f));
}

/** log(1 + x) for finite x above -1. */
function logOfOnePlus(x: number): number {
  const { k } = split(bitsOf(add(1, x)), 0x3f400000);
  const f = add(x * 2 ** -k, subtract(2 ** -k, 1)); // 2^-k - 1 in one rounding, x · 2^-k exact
  const q = polynomial(
    f,
    ...[-0.045153014, 0.1047263, -0.13163954, 0.14477625, -0.16646877],
    ...[0.19990848, -0.2500011, 0.3333345, -0.5],
  );
  return fma(k, ln2High, fma(q, multiply(f, f), f));
}

function log1p(x: number): number {
  if (Number.isNaN(x) || x < -1) return Number.NaN;
  if (x === -1) return -Infinity;
  return x === Infinity || x === 0 ? x : logOfOnePlus(x);
}

const softplus = (x: number): number => add(Math.max(x, 0), logOfOnePlus(exp(-Math.abs(x))));

/** x + x³·p(x²). */
function oddPolynomial(x: number, ...coefficients: readonly number[]): number {
  const square = multiply(x, x);
  return fma(multiply(polynomial(square, ...coefficients), square), x, x);
}

function tanh(x: number): number {
  const size = Math.abs(x);
  const curve = [0.0019009875, -0.007891555, 0.02157591, -0.053922288, 0.13333, -0.33333325];
  if (size < round(0.7)) return withSign(oddPolynomial(x, ...curve), x);
  return withSign(subtract(1, divide(2, add(exp(add(size, size)), 1))), x);
}

function halfExp(x: number): number {
  const { power, exponent } = exponentialOf(Math.abs(x));
  return scale(power, exponent - 1);
}

function sinh(x: number): number {
  const curve = [2.7822132e-6, 0.00019842896, 0.0083333105, 0.16666667];
  if (Math.abs(x) < 1) return withSign(oddPolynomial(x, ...curve), x);
  const half = halfExp(x);
  return withSign(subtract(half, divide(0.25, half)), x);
}

function cosh(x: number): number {
  const half = halfExp(x);
  return add(half, divide(0.25, half));
}

function asinh(x: number): number {
  const size = Math.abs(x);
  if (!(size < Infinity)) return x;
  const curve = [0.00925663, -0.020049585, 0.03003357, -0.044616096, 0.07499907, -0.16666666];
  if (size < 0.5) return withSign(oddPolynomial(x, ...curve), x);
  if (size >= 2 ** 30) return withSign(add(logOfOnePlus(size), ln2High), x);
  const square = multiply(size, size);
  const w = add(size, divide(square, add(1, root(add(square, 1)))));
  return withSign(logOfOnePlus(w), x);
}

function acosh(x: number): number {
  if (Number.isNaN(x) || x < 1) return Number.NaN;
  if (x === Infinity) return x;
  if (x >= 2 ** 30) return add(logOfOnePlus(x), ln2High);
  const d = subtract(x, 1);
  return logOfOnePlus(add(d, root(fma(d, d, add(d, d)))));
}

function atanh(x: number): number {
  const size = Math.abs(x);
  const curve = [0.1763992, 0.05158965, 0.11816762, 0.14223745, 0.20002455, 0.33333302];
  if (size < 0.5) return withSign(oddPolynomial(x, ...curve), x);
  if (!(size < 1)) return size === 1 ? withSign(Infinity, x) : Number.NaN;
  return withSign(multiply(0.5, logOfOnePlus(divide(add(size, size), subtract(1, size)))), x);
}

export const shared = Object.freeze({
  ...{ add, subtract, multiply, divide, root, fma, polynomial, bitsOf, withSign, scale, round },
  ...{ exponentialOfSum, split },
});

export const exponentials = Object.freeze({
  ...{ exp, expm1, log, log1p, tanh, sigmoid, sinh, cosh, asinh, acosh, atanh, softplus },
});
