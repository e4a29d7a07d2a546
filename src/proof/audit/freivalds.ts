/**
 * Freivalds' check (Probabilistic machines can use less running time, 1977) of a matrix product that was
 * rounded: C·r is compared with A·(B·r) for random signs r, in binary64. And since what rounding may do to
 * a whole row is a lot, each round also compares one column and one row by lot, element by element. Pure.
 *
 * Row i passes the signs of a round when |A·(B·r) - C·r| is at most
 *     bound = c · sum over j of T[i, j] + underflow + rounding of the check,
 * T = |A|·|B|, c and underflow of product-error.ts; an element of a line by lot when it is within c · T[i, j].
 *
 * What is right passes, whatever the seed: its errors are e[j] <= c · T[i, j], so |sum(e[j]·r[j])| is no more
 * than the sum of these. And every host says the same of it: sums and products of binary64, in one order.
 *
 * What is wrong is found.
 * - Let an element of a row differ from the exact product by more than twice the row's bound. Of two r
 *   that differ in its sign alone, one has |sum(e[j]·r[j])| >= |e| of it, for the two sums are s + e and s - e:
 *   half of all r at least. So a round finds the row with probability 1/2 or more, and some round of all
 *   with 1 - 2^-rounds.
 * - Let the part f of the columns, or of the rows, hold an element that differs by more than 2 · c · T[i, j].
 *   The lot of some round falls on one of them with the probability 1 - (1 - f)^rounds. What is wrong
 *   throughout is found by the first.
 *
 * Left out, and counted, are rows of A and columns of B with a number that is not finite, or with a norm
 * beyond 2^62: there a sum may overflow. Elsewhere one may not, and what is not finite in C is wrong.
 */
import { QuipuError } from "../../base/errors.js";
import { lanes, type Slow } from "./matrix.js";
import { type FastFormat, relativeError } from "./product-error.js";
import { limitsOf } from "./product-limits.js";
import { lotOf, worstOfColumns, worstOfRow } from "./product-lines.js";
import { worstOfSigns } from "./product-signs.js";

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
  /** Unknown to whoever made `c`. The same seed gives the same signs and lots. */
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

/** Takes rounds · (3·mk + 2·kn + mn) steps for each matrix, and memory for a few of its rows and columns. */
export function* checkProducts(products: Products, options: CheckOptions): Slow<ProductReport> {
  const { m, n, k, pairs, a, b, c } = products;
  const { format, rounds, seed } = options;
  if (c.length !== pairs.length * m * n) {
    const text = `${c.length} elements are not ${pairs.length} matrices of ${m} × ${n}`;
    throw new QuipuError("SHAPE_MISMATCH", text);
  }
  const relative = relativeError(format, k);
  let [worst, unchecked] = [0, 0];
  for (const [at, [aAt, bAt]] of pairs.entries()) {
    const product = {
      a: { elements: a, first: aAt * m * k, rows: m, columns: k },
      b: { elements: b, first: bAt * k * n, rows: k, columns: n },
      c: { elements: c, first: at * m * n, rows: m, columns: n },
    };
    const limits = yield* limitsOf(product, relative);
    unchecked += limits.unchecked;
    if (limits.isBroken) worst = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds && m * n > 0; round += lanes) {
      const few = Math.min(lanes, rounds - round);
      const labels = Array.from({ length: few }, (_, lane) => `${seed}/${at}/${round + lane}`);
      const columns = labels.map((label) => lotOf(`${label}/column`, n));
      worst = Math.max(worst, yield* worstOfSigns(product, limits, labels));
      worst = Math.max(worst, yield* worstOfColumns(product, limits, relative, columns));
      for (const label of labels) {
        const row = lotOf(`${label}/row`, m);
        worst = Math.max(worst, yield* worstOfRow(product, limits, relative, row));
      }
    }
  }
  return { rounds, within: worst <= 1, worst, elements: c.length, unchecked };
}
