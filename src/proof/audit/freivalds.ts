/**
 * Freivalds' check (Probabilistic machines can use less running time, 1977) of a matrix product that was
 * rounded: C·r is compared with A·(B·r) for random signs r, in binary64. Pure.
 *
 * Row i passes a round when |A·(B·r) - C·r| is at most
 *     bound = c · min(sum over j of T[i, j], t · |a[i]|₂ · |B|₂) + underflow + rounding of the check,
 * T = |A|·|B|, c and underflow of product-error.ts.
 *
 * What is right passes. Its errors are e[j] <= c·T[i, j], so |sum(e[j]·r[j])| <= c · sum(T[i, j]) always.
 * And since the signs are drawn after C was made, |sum(e[j]·r[j])| <= t·|e|₂ but for the chance
 * 2·exp(-t²/2) (Hoeffding), and |e|₂ <= c·|a[i]|₂·|B|₂ (Cauchy, Schwarz); t makes that 2^-40 for all rows and
 * rounds together.
 *
 * What is wrong is found. Let an element of a row differ from the exact product by more than twice the
 * bound. Of two r that differ in its sign alone, one has |sum(e[j]·r[j])| >= |e| of it, for the two sums are
 * s + e and s - e: half of all r at least. So a round finds the row with probability 1/2 or more, and some
 * round of all with 1 - 2^-rounds.
 *
 * Left out, and counted, are rows of A and columns of B with a number that is not finite, or with a norm
 * beyond 2^62: there a sum may overflow. Elsewhere one may not, and what is not finite in C is wrong.
 */
import { sha256 } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { lanes, multiply, type Slow } from "./matrix.js";
import { type FastFormat, relativeError } from "./product-error.js";
import { limitsOf, type Product } from "./product-limits.js";

/** Row-major; `c` holds one matrix a pair, in their order. */
export interface Products {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Which matrix of `a` is multiplied by which of `b`. */
  readonly pairs: readonly (readonly [a: number, b: number])[];
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly c: Float32Array;
}

export interface CheckOptions {
  readonly format: FastFormat;
  readonly rounds: number;
  /** Unknown to whoever made `c`. The same seed gives the same signs. */
  readonly seed: string;
}

export interface ProductReport {
  readonly rounds: number;
  readonly within: boolean;
  /** Largest residual as a part of its bound: within up to 1; Infinity where C should be finite and is not. */
  readonly worst: number;
  /** Of C. */
  readonly elements: number;
  /** Of them left out. */
  readonly unchecked: number;
}

/** A right product fails with the chance of 2^-40 at most, over all rows and rounds. */
const falseAlarmBits = 40;

/**
 * The t above: 2·exp(-t²/2) · sums <= 2^-40. Nothing but exact operations and a square root, so that
 * it, and so what the whole check says, is the same on every host.
 */
export function likelyNorms(sums: number): number {
  const bits = falseAlarmBits + 1 + sums.toString(2).length;
  return Math.sqrt(2 * Math.LN2 * bits);
}

/** Takes rounds · (mk + kn + mn) steps for each matrix, and memory for a few of its rows and columns. */
export function* checkProducts(products: Products, options: CheckOptions): Slow<ProductReport> {
  const { m, n, k, pairs, a, b, c } = products;
  const { format, rounds, seed } = options;
  if (c.length !== pairs.length * m * n) {
    const text = `${c.length} elements are not ${pairs.length} matrices of ${m} × ${n}`;
    throw new QuipuError("SHAPE_MISMATCH", text);
  }
  const relative = relativeError(format, k);
  const likely = likelyNorms(pairs.length * m * rounds);
  let [worst, unchecked] = [0, 0];
  for (const [at, [aAt, bAt]] of pairs.entries()) {
    const product = {
      a: { elements: a, first: aAt * m * k, rows: m, columns: k },
      b: { elements: b, first: bAt * k * n, rows: k, columns: n },
      c: { elements: c, first: at * m * n, rows: m, columns: n },
    };
    const limits = yield* limitsOf(product, { relative, likely });
    unchecked += limits.unchecked;
    if (limits.isBroken) worst = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round += lanes) {
      const signs = new Float64Array(n * lanes);
      for (let lane = 0; lane < lanes && round + lane < rounds; lane += 1) {
        drawSigns(signs, lane, limits.columns, `${seed}/${at}/${round + lane}`);
      }
      worst = Math.max(worst, yield* worstOf(product, limits.bounds, signs));
    }
  }
  return { rounds, within: worst <= 1, worst, elements: c.length, unchecked };
}

/** 1 or -1 by the bits of SHA-256 over label and a counter; 0 of columns that are left out. */
function drawSigns(signs: Float64Array, lane: number, columns: Float64Array, label: string): void {
  const encoder = new TextEncoder();
  let bits: Uint8Array = new Uint8Array();
  for (let column = 0; column < columns.length; column += 1) {
    const bit = column % 256;
    if (bit === 0) bits = sha256(encoder.encode(`${label}/${column / 256}`));
    const isSet = (((bits[bit >> 3] as number) >> (bit & 7)) & 1) === 1;
    signs[column * lanes + lane] = (columns[column] as number) * (isSet ? 1 : -1);
  }
}

/** The largest residual of rows that take part, as a part of its bound. */
function* worstOf({ a, b, c }: Product, bounds: Float64Array, signs: Float64Array): Slow<number> {
  const right = yield* multiply(a, yield* multiply(b, signs));
  const claimed = yield* multiply(c, signs);
  let worst = 0;
  for (let at = 0; at < right.length; at += 1) {
    const bound = bounds[Math.floor(at / lanes)] as number;
    const residual = Math.abs((right[at] as number) - (claimed[at] as number));
    // Where it is 0, so is all there is; NaN of a row that is left out.
    if (bound > 0) worst = Math.max(worst, residual / bound);
  }
  return worst;
}
