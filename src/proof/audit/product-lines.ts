/**
 * Rows and columns of a product that the lot falls on, element by element: each is held to its own bound
 * c · T[i, j], which does not grow with the length of a row. Pure.
 */
import { sha256 } from "../../base/bytes.js";
import { addRow, columnSums, eachRow, lanes, multiply, type Slow } from "./matrix.js";
import { underflowError } from "./product-error.js";
import type { Limits, Product } from "./product-limits.js";

/** Below `size`, by SHA-256 over the label. */
export function lotOf(label: string, size: number): number {
  const digest = sha256(new TextEncoder().encode(label));
  return digest.subarray(0, 6).reduce((number, byte) => number * 256 + byte, 0) % size;
}

/** Numbers of a product that are compared: which element, the exact one, and the sum of magnitudes. */
interface Compared {
  readonly row: number;
  readonly column: number;
  readonly exact: number;
  readonly total: number;
}

/** The largest residual as a part of its bound; of as many columns as there are lanes, or fewer. */
export function* worstOfColumns(
  product: Product,
  limits: Limits,
  relative: number,
  lots: readonly number[],
): Slow<number> {
  const { a, b } = product;
  const vectors = new Float64Array(b.rows * lanes);
  for (const [lane, column] of lots.entries()) {
    for (let row = 0; row < b.rows && limits.columns[column] === 1; row += 1) {
      vectors[row * lanes + lane] = b.elements[b.first + row * b.columns + column] as number;
    }
  }
  const exact = yield* multiply(a, vectors);
  const totals = yield* multiply(a, vectors.map(Math.abs), true);
  let worst = 0;
  for (let row = 0; row < a.rows; row += 1) {
    for (const [lane, column] of lots.entries()) {
      const at = row * lanes + lane;
      const found = { exact: exact[at] as number, total: totals[at] as number };
      worst = Math.max(worst, shareOf(product, limits, relative, { row, column, ...found }));
    }
  }
  return worst;
}

export function* worstOfRow(
  product: Product,
  limits: Limits,
  relative: number,
  row: number,
): Slow<number> {
  const { a, b } = product;
  const { sums, magnitudes } = columnSums(b);
  yield* eachRow(b, (p) => {
    const factor = a.elements[a.first + row * a.columns + p] as number;
    addRow(b, p, factor, { sums, magnitudes });
  });
  let worst = 0;
  for (let column = 0; column < b.columns; column += 1) {
    const found = { exact: sums[column] as number, total: magnitudes[column] as number };
    worst = Math.max(worst, shareOf(product, limits, relative, { row, column, ...found }));
  }
  return worst;
}

/** Of the bound; 0 of what is left out. */
function shareOf(
  { a, c }: Product,
  { bounds, columns, rowsOfA, columnsOfB }: Limits,
  relative: number,
  { row, column, exact, total }: Compared,
): number {
  if (Number.isNaN(bounds[row]) || columns[column] === 0) return 0;
  const residual = Math.abs((c.elements[c.first + row * c.columns + column] as number) - exact);
  if (residual === 0) return 0;
  const [ofA, ofB] = [rowsOfA[row] as number, columnsOfB[column] as number];
  const underflow = underflowError({ n: 1, k: a.columns }, ofA, ofB);
  return residual / ((relative + (a.columns + 8) * 2 ** -52) * total + underflow);
}
