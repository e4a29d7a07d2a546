/** Conversions between types of `canonical-1` a second time: exact, then rounded once. */
import type { DType } from "../src/compute/tensor/dtype.js";
import { type Element, wrap } from "./canonical-elements.js";
import { nearestInteger, shared } from "./canonical-functions.js";
import { floatOf } from "./canonical-reference.js";

type Cast = (x: Element) => Element;

/** A binary float: its explicit significand bits, its least normal exponent, and where it overflows. */
interface Format {
  readonly fraction: number;
  readonly leastExponent: number;
  readonly overflow: number;
}

const half: Format = { fraction: 10, leastExponent: -14, overflow: 2 ** 16 };
const brain: Format = { fraction: 7, leastExponent: -126, overflow: 2 ** 128 };

function exponentOf(size: number): number {
  let exponent = 0;
  while (2 ** exponent > size) exponent -= 1;
  while (2 ** (exponent + 1) <= size) exponent += 1;
  return exponent;
}

/** The nearest of the format, ties to even, as a binary64. */
function roundTo({ fraction, leastExponent, overflow }: Format, x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const size = Math.abs(x);
  const unit = 2 ** (Math.max(exponentOf(size), leastExponent) - fraction);
  const rounded = nearestInteger(size / unit) * unit;
  return shared.withSign(rounded < overflow ? rounded : Infinity, x);
}

function toHalf(x: number): bigint {
  if (Number.isNaN(x)) return 0x7e00n;
  const rounded = roundTo(half, x);
  const size = Math.abs(rounded);
  const sign = Object.is(shared.withSign(1, rounded), -1) ? 0x8000n : 0n;
  if (size === Infinity) return sign | 0x7c00n;
  if (size < 2 ** -14) return sign | BigInt(size * 2 ** 24);
  const exponent = exponentOf(size);
  const significand = BigInt((size / 2 ** exponent - 1) * 2 ** 10);
  return sign | (BigInt(exponent + 15) << 10n) | significand;
}

function fromHalf(bits: bigint): number {
  const [exponent, fraction] = [Number((bits >> 10n) & 31n), Number(bits & 1023n)];
  const sign = bits >> 15n === 1n ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function toBrain(x: number): bigint {
  if (Number.isNaN(x)) return 0x7fc0n;
  return BigInt(shared.bitsOf(roundTo(brain, x)) >>> 16);
}

/** Towards zero; NaN gives 0, what is out of range the nearest integer that is in it. */
function toInteger(dtype: "int64" | "int32", x: number): bigint {
  const width = dtype === "int64" ? 63n : 31n;
  if (Number.isNaN(x)) return 0n;
  if (x >= 2 ** Number(width)) return 2n ** width - 1n;
  return x < -(2 ** Number(width)) ? -(2n ** width) : BigInt(Math.trunc(x));
}

/** The nearest binary32, ties to even. */
function fromInteger(x: bigint): number {
  const size = x < 0n ? -x : x;
  const dropped = Math.max(0, size.toString(2).length - 24);
  const unit = 1n << BigInt(dropped);
  let kept = size / unit;
  const twice = (size - kept * unit) * 2n;
  if (twice > unit || (twice === unit && kept % 2n === 1n)) kept += 1n;
  return (x < 0n ? -1 : 1) * Number(kept) * 2 ** dropped + 0;
}

const isNotZero: Cast = (x) => (Number(x) === 0 ? 0n : 1n);
const wrapped =
  (dtype: DType): Cast =>
  (x) =>
    wrap(dtype, x as bigint);
const rounded: Cast = (x) => fromInteger(x as bigint);

export const casts: readonly (readonly [number, string, DType, DType, Cast])[] = [
  [180, "f32_to_i64", "float32", "int64", (x) => toInteger("int64", x as number)],
  [181, "f32_to_i32", "float32", "int32", (x) => toInteger("int32", x as number)],
  [182, "f32_to_bool", "float32", "bool", isNotZero],
  [183, "i64_to_f32", "int64", "float32", rounded],
  [184, "i32_to_f32", "int32", "float32", rounded],
  [185, "bool_to_f32", "bool", "float32", rounded],
  [186, "i64_to_i32", "int64", "int32", wrapped("int32")],
  [187, "i32_to_i64", "int32", "int64", wrapped("int64")],
  [188, "i64_to_bool", "int64", "bool", isNotZero],
  [189, "i32_to_bool", "int32", "bool", isNotZero],
  [190, "bool_to_i64", "bool", "int64", wrapped("int64")],
  [191, "bool_to_i32", "bool", "int32", wrapped("int32")],
  [192, "f16_to_f32", "float16", "float32", (x) => fromHalf(x as bigint)],
  [193, "f32_to_f16", "float32", "float16", (x) => toHalf(x as number)],
  [194, "bf16_to_f32", "bfloat16", "float32", (x) => floatOf(Number(x) * 2 ** 16)],
  [195, "f32_to_bf16", "float32", "bfloat16", (x) => toBrain(x as number)],
  [196, "u8_to_i32", "uint8", "int32", wrapped("int32")],
  [197, "i32_to_u8", "int32", "uint8", wrapped("uint8")],
  [198, "i8_to_i32", "int8", "int32", wrapped("int32")],
  [199, "i32_to_i8", "int32", "int8", wrapped("int8")],
];
