/** Matrix products as tensor cores may round them: operands cut or rounded, sums in any grouping, cut off. */
import { type Random, randomInteger } from "../src/base/random.js";
import type { Slow } from "../src/proof/audit/matrix.js";
import type { FastFormat } from "../src/proof/audit/product-error.js";

/** Significant bits of an operand. */
const operandBits = { tf32: 11, bf16: 8 } as const;
export const roundings = ["cut", "up", "nearest", "none"] as const;
export type Rounding = (typeof roundings)[number];

export interface Device {
  readonly format: FastFormat;
  readonly operands: Rounding;
  /** Products that are added at once, with the sum so far: 1 is one after the other. */
  readonly group: number;
  /** Of each number that is added, beyond the 24 of the largest. */
  readonly extraBits: number;
  /** Parts of k that are summed apart. */
  readonly parts: number;
  /** What is smaller than 2^-126 becomes zero. */
  readonly flushes: boolean;
}

function exponentOf(value: number): number {
  const guess = Math.floor(Math.log2(Math.abs(value)));
  const power = 2 ** guess;
  return Math.abs(value) < power ? guess - 1 : Math.abs(value) >= 2 * power ? guess + 1 : guess;
}

const cutTo = (value: number, quantum: number) => Math.trunc(value / quantum) * quantum;

/** To so many significant bits, or to what a subnormal of binary32 with so many fraction bits less has. */
function roundTo(value: number, bits: number, how: Rounding): number {
  if (value === 0 || how === "none") return value;
  const quantum = 2 ** (Math.max(exponentOf(value), -126) - bits + 1);
  const cut = cutTo(value, quantum);
  const rest = Math.abs(value - cut) / quantum;
  const isUp = how === "up" ? rest > 0 : how === "nearest" && rest >= 0.5;
  return isUp ? cut + Math.sign(value) * quantum : cut;
}

/** Numbers added at once: each cut off at the last bit that is kept of the largest. */
function addAtOnce(numbers: readonly number[], { extraBits, flushes }: Device): number {
  const largest = Math.max(...numbers.map(Math.abs));
  if (largest === 0) return 0;
  const quantum = 2 ** (Math.max(exponentOf(largest), -126) - 23 - extraBits);
  const sum = numbers.reduce((total, one) => total + cutTo(one, quantum), 0);
  const cut = sum === 0 ? 0 : roundTo(sum, 24, "cut");
  return flushes && Math.abs(cut) < 2 ** -126 ? 0 : cut;
}

function dot(left: readonly number[], right: readonly number[], device: Device): number {
  const { format, operands, group, parts, flushes } = device;
  const bits = operandBits[format];
  const operand = (value: number) => {
    const rounded = roundTo(value, bits, operands);
    return flushes && Math.abs(rounded) < 2 ** -126 ? 0 : rounded;
  };
  const products = left.map((one, at) => operand(one) * operand(right[at] as number));
  const partSize = Math.ceil(products.length / parts) || 1;
  const sums: number[] = [];
  for (let from = 0; from < products.length; from += partSize) {
    let sum = 0;
    for (let at = from; at < Math.min(from + partSize, products.length); at += group) {
      const end = Math.min(at + group, from + partSize);
      sum = addAtOnce([sum, ...products.slice(at, end)], device);
    }
    sums.push(sum);
  }
  return Math.fround(sums.reduce((total, sum) => addAtOnce([total, sum], device), 0));
}

export interface Operands {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

export function roundedProduct(
  { m, n, k, a, b }: Operands,
  device: Device,
): Float32Array<ArrayBuffer> {
  const columns = Array.from({ length: n }, (_, column) =>
    Array.from({ length: k }, (_, p) => b[p * n + column] as number),
  );
  const c = new Float32Array(m * n);
  for (let row = 0; row < m; row += 1) {
    const left = [...a.subarray(row * k, (row + 1) * k)];
    for (const [column, right] of columns.entries()) c[row * n + column] = dot(left, right, device);
  }
  return c;
}

/** In binary64. */
export function exactProduct({ m, n, k, a, b }: Operands): Float64Array {
  const c = new Float64Array(m * n);
  for (let at = 0; at < c.length; at += 1) {
    const [row, column] = [Math.floor(at / n), at % n];
    for (let p = 0; p < k; p += 1) {
      c[at] = (c[at] as number) + (a[row * k + p] as number) * (b[p * n + column] as number);
    }
  }
  return c;
}

/** Between -1 and 1. */
export function uniform(length: number, random: Random): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, () => randomInteger(random, 2 ** 24) / 2 ** 23 - 1);
}

/** Takes all steps at once. */
export function finish<Result>(steps: Slow<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
