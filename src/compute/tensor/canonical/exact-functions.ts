/**
 * Those elementwise functions of `canonical-1` that JavaScript computes exactly: one rounding to
 * binary32 after one operation in binary64 is the rounding of the exact result for +, -, ×, ÷ and √.
 */
import type { Element } from "./elements.js";

type Exact = (...operands: Element[]) => Element;

const round = Math.fround;
const truth = (value: boolean): bigint => (value ? 1n : 0n);

function float(compute: (a: number, b: number) => number): Exact {
  return (a, b) => round(compute(a as number, b as number));
}

function roundEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/** Zero results keep the sign of x. */
function signed(x: number, result: number): number {
  return result === 0 && (x < 0 || Object.is(x, -0)) ? -0 : result;
}

const floats: [string, Exact][] = [
  ["negate", float((a) => -a)],
  ["absolute", float(Math.abs)],
  ["sqrt", float(Math.sqrt)],
  ["reciprocal", float((a) => 1 / a)],
  ["floor", float(Math.floor)],
  ["ceil", float(Math.ceil)],
  ["round_even", float((a) => signed(a, roundEven(a)))],
  ["truncate", float(Math.trunc)],
  ["sign", float(Math.sign)],
  ["add", float((a, b) => a + b)],
  ["subtract", float((a, b) => a - b)],
  ["multiply", float((a, b) => a * b)],
  ["divide", float((a, b) => a / b)],
  ["minimum", float((a, b) => Math.min(a, b))],
  ["maximum", float((a, b) => Math.max(a, b))],
  ["remainder", float((a, b) => a % b)],
  ["equal", (a, b) => truth(a === b)],
  ["less", (a, b) => truth(a < b)],
  ["less_or_equal", (a, b) => truth(a <= b)],
  ["is_nan", (a) => truth(Number.isNaN(a))],
  ["is_infinite", (a) => truth(Math.abs(a as number) === Number.POSITIVE_INFINITY)],
  ["select", (c, a, b) => (c === 1n ? a : b)],
];

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function modulo(a: bigint, b: bigint): bigint {
  if (b === 0n) return 0n;
  const rest = a % b;
  return rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
}

function power(a: bigint, b: bigint, bits: number): bigint {
  if (b < 0n) return a === 1n ? 1n : a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  for (let base = a, rest = b; rest > 0n; rest >>= 1n, base = BigInt.asIntN(bits, base * base)) {
    if (rest & 1n) result = BigInt.asIntN(bits, result * base);
  }
  return result;
}

function integers(suffix: string, bits: number): [string, Exact][] {
  const wrap = (compute: (a: bigint, b: bigint) => bigint): Exact => {
    return (a, b) => BigInt.asIntN(bits, compute(a as bigint, b as bigint));
  };
  const entries: [string, Exact][] = [
    ["negate", wrap((a) => -a)],
    ["absolute", wrap((a) => (a < 0n ? -a : a))],
    ["sign", wrap((a) => (a > 0n ? 1n : a < 0n ? -1n : 0n))],
    ["add", wrap((a, b) => a + b)],
    ["subtract", wrap((a, b) => a - b)],
    ["multiply", wrap((a, b) => a * b)],
    ["divide", wrap((a, b) => (b === 0n ? 0n : a / b))],
    ["remainder", wrap((a, b) => (b === 0n ? 0n : a % b))],
    ["modulo", wrap(modulo)],
    ["minimum", wrap((a, b) => least(a, b))],
    ["maximum", wrap((a, b) => -least(-a, -b))],
    ["power", wrap((a, b) => power(a, b, bits))],
    ["equal", (a, b) => truth(a === b)],
    ["less", (a, b) => truth(a < b)],
    ["less_or_equal", (a, b) => truth(a <= b)],
    ["select", (c, a, b) => (c === 1n ? a : b)],
  ];
  return entries.map(([name, compute]) => [`${name}_${suffix}`, compute]);
}

/** Towards zero; NaN gives 0, and what is out of range the nearest end. */
function toInteger(bits: bigint): Exact {
  const most = (1n << (bits - 1n)) - 1n;
  return (a) => {
    const x = a as number;
    if (Number.isNaN(x)) return 0n;
    if (x >= 2 ** Number(bits - 1n)) return most;
    return x < -(2 ** Number(bits - 1n)) ? -most - 1n : BigInt(Math.trunc(x));
  };
}

/** An integer rounded once: beyond 2^53 the way over binary64 would round twice. */
const toFloat: Exact = (a) => {
  const integer = a as bigint;
  const size = integer < 0n ? -integer : integer;
  if (size <= 1n << 53n) return round(Number(integer));
  // What lies below the 40 leading bits only says whether the rest is zero.
  const sticky = (size & ((1n << 24n) - 1n)) === 0n ? 0n : 1n;
  const rounded = round(Number(((size >> 24n) << 1n) | sticky)) * 2 ** 23;
  return integer < 0n ? -rounded : rounded;
};

const same: Exact = (a) => a;
const isTrue: Exact = (a) => truth(typeof a === "number" ? a !== 0 : a !== 0n);

export const exactFunctions: ReadonlyMap<string, Exact> = new Map([
  ...floats.map(([name, compute]): [string, Exact] => [`${name}_f32`, compute]),
  ...integers("i64", 64),
  ...integers("i32", 32),
  ["and_bool", (a, b) => (a as bigint) & (b as bigint)],
  ["or_bool", (a, b) => (a as bigint) | (b as bigint)],
  ["xor_bool", (a, b) => (a as bigint) ^ (b as bigint)],
  ["not_bool", (a) => 1n - (a as bigint)],
  ["equal_bool", (a, b) => truth(a === b)],
  ["select_bool", (c, a, b) => (c === 1n ? a : b)],
  ["f32_to_i64", toInteger(64n)],
  ["f32_to_i32", toInteger(32n)],
  ["f32_to_bool", isTrue],
  ["i64_to_f32", toFloat],
  ["i32_to_f32", toFloat],
  ["bool_to_f32", (a) => Number(a)],
  ["i64_to_i32", (a) => BigInt.asIntN(32, a as bigint)],
  ["i32_to_i64", same],
  ["i64_to_bool", isTrue],
  ["i32_to_bool", isTrue],
  ["bool_to_i64", same],
  ["bool_to_i32", same],
  ["u8_to_i32", same],
  ["i32_to_u8", (a) => BigInt.asUintN(8, a as bigint)],
  ["i8_to_i32", same],
  ["i32_to_i8", (a) => BigInt.asIntN(8, a as bigint)],
]);
