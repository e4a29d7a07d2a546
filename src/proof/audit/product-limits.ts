/** What of one product takes part, and how far A·(B·r) and C·r may lie apart, row by row, whatever the signs r. Pure. */
import { addSquares, columnSums, eachRow, type Matrix, rowSums, type Slow } from "./matrix.js";
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
  /** Sums of magnitudes: of rows of A, and of columns of B. */
  readonly rowsOfA: Float64Array;
  readonly columnsOfB: Float64Array;
  /** Elements of C that are left out. */
  readonly unchecked: number;
  /** C holds something that is not finite where it should be. */
  readonly isBroken: boolean;
}

/** `relative`: by which part of sum(|a·b|) an element may be wrong. */
export function* limitsOf({ a, b, c }: Product, relative: number): Slow<Limits> {
  const [n, k] = [b.columns, a.columns];
  const { columns, taken, columnsOfB } = yield* columnsOf(b);
  const sums = new Float64Array(k);
  yield* eachRow(b, (row) => {
    sums[row] = rowSums(b, row, columns).magnitudes;
  });
  const bSum = sums.reduce((sum, one) => sum + one, 0);
  const all = new Float64Array(k).fill(1);
  const [bounds, rowsOfA] = [new Float64Array(a.rows), new Float64Array(a.rows)];
  let [rows, isBroken] = [0, false];
  yield* eachRow(a, (row) => {
    const ofA = rowSums(a, row, all);
    if (!(ofA.squares <= normMax * normMax)) {
      bounds[row] = Number.NaN;
      return;
    }
    rowsOfA[row] = ofA.magnitudes;
    const total = rowSums(a, row, sums).weighted;
    const claimed = rowSums(c, row, columns).magnitudes;
    rows += 1;
    isBroken ||= !Number.isFinite(claimed);
    const underflow = underflowError({ n, k }, ofA.magnitudes, bSum);
    // Of binary64: sums of n and of k, here and of the residual, each twice as large as it can be.
    bounds[row] = relative * total + underflow + (n + k + 8) * 2 ** -52 * (total + claimed);
  });
  const unchecked = a.rows * n - rows * taken;
  return { bounds, columns, rowsOfA, columnsOfB, unchecked, isBroken };
}

/** Which columns of B take part, and how many. */
function* columnsOf(b: Matrix) {
  const ofColumns = columnSums(b);
  yield* eachRow(b, (row) => addSquares(b, row, ofColumns));
  const columns = new Float64Array(b.columns);
  let taken = 0;
  for (const [column, square] of ofColumns.sums.entries()) {
    if (!(square <= normMax * normMax)) continue;
    columns[column] = 1;
    taken += 1;
  }
  return { columns, taken, columnsOfB: ofColumns.magnitudes };
}
