/** How far A·(B·r) and C·r of one product may lie apart, row by row, whatever the signs r. Pure. */
import { addSquares, eachRow, type Matrix, rowSums, type Slow } from "./matrix.js";
import { normMax, underflowError } from "./product-error.js";

export interface Product {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly c: Matrix;
}

export interface Limits {
  /** Of each row; NaN of one that is left out. */
  readonly bounds: Float64Array;
  /** 1 of each column that takes part, 0 of one that is left out. */
  readonly columns: Float64Array;
  /** Elements of C that are left out. */
  readonly unchecked: number;
  /** C holds something that is not finite where it should be. */
  readonly isBroken: boolean;
}

interface Errors {
  /** By which part of sum(|a·b|) an element may be wrong. */
  readonly relative: number;
  /** Norms that a sum of errors with random signs hardly ever passes. */
  readonly likely: number;
}

export function* limitsOf({ a, b, c }: Product, { relative, likely }: Errors): Slow<Limits> {
  const [n, k] = [b.columns, a.columns];
  const { columns, squares, taken } = yield* columnsOf(b);
  const sums = new Float64Array(k);
  yield* eachRow(b, (row) => {
    sums[row] = rowSums(b, row, columns).magnitudes;
  });
  const bSum = sums.reduce((sum, one) => sum + one, 0);
  const all = new Float64Array(k).fill(1);
  const bounds = new Float64Array(a.rows);
  let [rows, isBroken] = [0, false];
  yield* eachRow(a, (row) => {
    const ofA = rowSums(a, row, all);
    if (!(ofA.squares <= normMax * normMax)) {
      bounds[row] = Number.NaN;
      return;
    }
    const total = rowSums(a, row, sums).weighted;
    const claimed = rowSums(c, row, columns).magnitudes;
    rows += 1;
    isBroken ||= !Number.isFinite(claimed);
    const rounded = relative * Math.min(total, likely * Math.sqrt(ofA.squares * squares));
    const underflow = underflowError({ n, k }, ofA.magnitudes, bSum);
    // Of binary64: sums of n and of k, here and of the residual, each twice as large as it can be.
    bounds[row] = rounded + underflow + (n + k + 8) * 2 ** -52 * (total + claimed);
  });
  return { bounds, columns, unchecked: a.rows * n - rows * taken, isBroken };
}

/** Which columns of B take part, how many, and the square of what is left of its norm. */
function* columnsOf(b: Matrix) {
  const columns = new Float64Array(b.columns);
  yield* eachRow(b, (row) => addSquares(b, row, columns));
  let [squares, taken] = [0, 0];
  for (const [column, square] of columns.entries()) {
    const isTaken = square <= normMax * normMax;
    columns[column] = isTaken ? 1 : 0;
    if (!isTaken) continue;
    squares += square;
    taken += 1;
  }
  return { columns, squares, taken };
}
