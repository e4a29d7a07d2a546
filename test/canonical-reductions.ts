/** Reductions, softmax, normalisation and cumulative sums of `canonical-1` a second time. */
import {
  type Element,
  type Elements,
  greaterOf,
  lesserOf,
  type Words,
  wrap,
} from "./canonical-elements.js";
import { exponentials, shared } from "./canonical-functions.js";
import { compare } from "./canonical-reference.js";

const { add, subtract, multiply, divide, root, fma } = shared;
type Join = (a: number, b: number) => number;

/** Along one axis: lanes, halves of lanes, pairs of blocks. */
function inOrder(x: readonly number[], start: number, step: Join, join: Join): number {
  let results: number[] = [];
  for (let at = 0; at < x.length; at += 4096) {
    const lanes = Array<number>(64).fill(start);
    for (const [i, value] of x.slice(at, at + 4096).entries()) {
      lanes[i % 64] = step(lanes[i % 64] as number, value);
    }
    for (let half = 32; half >= 1; half /= 2) {
      for (let l = 0; l < half; l += 1) {
        lanes[l] = join(lanes[l] as number, lanes[l + half] as number);
      }
    }
    results.push(lanes[0] as number);
  }
  while (results.length > 1) {
    const level: number[] = [];
    for (let i = 0; i < results.length; i += 2) {
      const [first, second] = [results[i] as number, results[i + 1]];
      level.push(second === undefined ? first : join(first, second));
    }
    results = level;
  }
  return results[0] ?? start;
}

const sumOf = (x: readonly number[]): number => inOrder(x, 0, add, add);
const squaresOf = (x: readonly number[]): number =>
  inOrder(x, 0, (lane, value) => fma(value, value, lane), add);
/** Math.max and Math.min have NaN and the zeros as the definition has. */
const greatest = (x: readonly number[]): number => x.reduce((a, b) => Math.max(a, b), -Infinity);
const least = (x: readonly number[]): number => x.reduce((a, b) => Math.min(a, b), Infinity);

const ofFloats = new Map<number, (x: readonly number[]) => number>([
  [1, sumOf],
  [2, (x) => inOrder(x, 1, multiply, multiply)],
  [3, greatest],
  [4, least],
  [5, squaresOf],
]);

function ofIntegers(code: number, x: readonly bigint[], dtype: Elements["dtype"]): bigint {
  const width = dtype === "int64" ? 63n : 31n;
  if (code === 3) return x.reduce(greaterOf, -(2n ** width));
  if (code === 4) return x.reduce(lesserOf, 2n ** width - 1n);
  if (code === 2) return x.reduce((product, value) => wrap(dtype, product * value), 1n);
  const term = (value: bigint) => (code === 5 ? value * value : value);
  return x.reduce((sum, value) => wrap(dtype, sum + term(value)), 0n);
}

/** 11 and 12: the first and last maximum; 13 and 14: the first and last minimum. */
function placeOf(code: number, x: readonly number[]): bigint {
  let place = 0;
  for (const [i, value] of x.entries()) {
    const order = compare(value, x[place] as number) * (code <= 12 ? 1 : -1);
    if (order > 0 || (order === 0 && code % 2 === 0)) place = i;
  }
  return BigInt(place);
}

interface Axis {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

function lineOf<E>(values: readonly E[], { length, inner }: Axis, o: number, i: number): E[] {
  return Array.from({ length }, (_, j) => values[(o * length + j) * inner + i] as E);
}

export function reduce(words: Words, [x]: readonly Elements[]): Elements[] {
  const code = words.next();
  const axis: Axis = { outer: words.next(), length: words.next(), inner: words.next() };
  const { dtype, values } = x as Elements;
  const results: Element[] = [];
  for (let o = 0; o < axis.outer; o += 1) {
    for (let i = 0; i < axis.inner; i += 1) {
      const line = lineOf(values, axis, o, i);
      if (code > 10) results.push(placeOf(code, line as number[]));
      else if (dtype !== "float32") results.push(ofIntegers(code, line as bigint[], dtype));
      else results.push((ofFloats.get(code) as typeof sumOf)(line as number[]));
    }
  }
  return [{ dtype: code > 10 ? "int64" : dtype, values: results }];
}

export function scan(words: Words, [x]: readonly Elements[]): Elements[] {
  const axis: Axis = { outer: words.next(), length: words.next(), inner: words.next() };
  const [exclusive, reverse] = [words.next() === 1, words.next() === 1];
  const { dtype, values } = x as Elements;
  const zero: Element = dtype === "float32" ? 0 : 0n;
  const plus = (a: Element, b: Element): Element =>
    typeof a === "number" ? add(a, b as number) : wrap(dtype, a + (b as bigint));
  const results: Element[] = [...values];
  for (let o = 0; o < axis.outer; o += 1) {
    for (let i = 0; i < axis.inner; i += 1) {
      let total: Element | undefined;
      for (let step = 0; step < axis.length; step += 1) {
        const j = reverse ? axis.length - 1 - step : step;
        const at = (o * axis.length + j) * axis.inner + i;
        const before: Element = total ?? zero;
        const value = values[at] as Element;
        total = total === undefined ? value : plus(total, value);
        results[at] = exclusive ? before : total;
      }
    }
  }
  return [{ dtype, values: results }];
}

export function softmax(words: Words, [x]: readonly Elements[]): Elements[] {
  const [rows, length, logarithm] = [words.next(), words.next(), words.next() === 1];
  const results: number[] = [];
  for (let row = 0; row < rows; row += 1) {
    const line = (x as Elements).values.slice(row * length, (row + 1) * length) as number[];
    const most = greatest(line);
    const powers = line.map((value) => exponentials.exp(subtract(value, most)));
    const sum = sumOf(powers);
    if (logarithm) {
      const logOfSum = exponentials.log(sum);
      results.push(...line.map((value) => subtract(subtract(value, most), logOfSum)));
    } else {
      const r = divide(1, sum);
      results.push(...powers.map((power) => multiply(power, r)));
    }
  }
  return [{ dtype: "float32", values: results }];
}

export function normalise(words: Words, [x, scale, bias]: readonly Elements[]): Elements[] {
  const [rows, length, epsilon] = [words.next(), words.next(), words.nextFloat()];
  const [mode, channels] = [words.next(), words.next()];
  const n = Math.fround(length);
  const results: number[] = [];
  const means: number[] = [];
  const factors: number[] = [];
  for (let row = 0; row < rows; row += 1) {
    const line = (x as Elements).values.slice(row * length, (row + 1) * length) as number[];
    const mean = divide(sumOf(line), n);
    const d = line.map((value) => subtract(value, mean));
    const r = divide(1, root(add(divide(squaresOf(d), n), epsilon)));
    for (const [i, value] of d.entries()) {
      let y = multiply(value, r);
      const at = mode === 1 ? i : row % channels;
      if (mode !== 0) y = multiply(y, scale?.values[at] as number);
      if (mode !== 0) y = add(y, bias?.values[at] as number);
      results.push(y);
    }
    means.push(mean);
    factors.push(r);
  }
  return [results, means, factors].map((values) => ({ dtype: "float32", values }));
}
