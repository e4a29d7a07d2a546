/** A matrix within an array, and passes over its rows in binary64. Pure. */

/** Row-major, from the element `first` on. */
export interface Matrix {
  readonly elements: Float32Array;
  readonly first: number;
  readonly rows: number;
  readonly columns: number;
}

/** Of a pass that may be long: yields every few milliseconds, so that others get a turn. */
export type Slow<Result> = Generator<undefined, Result>;

const elementsATurn = 2 ** 20;

/** What `pass` does to each row, ascending. */
export function* eachRow({ rows, columns }: Matrix, pass: (row: number) => void): Slow<void> {
  const rowsATurn = Math.max(1, Math.floor(elementsATurn / Math.max(1, columns)));
  for (let row = 0; row < rows; row += 1) {
    pass(row);
    if (row % rowsATurn === rowsATurn - 1) yield;
  }
}

/** Vectors that are multiplied in one pass; their elements of one place lie side by side. */
export const lanes = 4;

/** What is not finite counts as zero; `magnitudes`: of the matrix with all signs taken off. */
export function* multiply(
  matrix: Matrix,
  vectors: Float64Array,
  magnitudes = false,
): Slow<Float64Array> {
  const products = new Float64Array(matrix.rows * lanes);
  yield* eachRow(matrix, (row) => multiplyRow(matrix, row, vectors, magnitudes, products));
  return products;
}

function multiplyRow(
  { elements, first, columns }: Matrix,
  row: number,
  vectors: Float64Array,
  magnitudes: boolean,
  products: Float64Array,
): void {
  let [one, two, three, four] = [0, 0, 0, 0];
  const from = first + row * columns;
  for (let column = 0; column < columns; column += 1) {
    const signed = elements[from + column] as number;
    if (signed - signed !== 0) continue;
    const element = magnitudes ? Math.abs(signed) : signed;
    const at = column * lanes;
    one += element * (vectors[at] as number);
    two += element * (vectors[at + 1] as number);
    three += element * (vectors[at + 2] as number);
    four += element * (vectors[at + 3] as number);
  }
  products.set([one, two, three, four], row * lanes);
}

/** One number for each column of a matrix. */
export interface ColumnSums {
  readonly sums: Float64Array;
  readonly magnitudes: Float64Array;
}

export function columnSums({ columns }: Matrix): ColumnSums {
  return { sums: new Float64Array(columns), magnitudes: new Float64Array(columns) };
}

/** Adds a row, times `factor`, to the sums of its columns, and the magnitudes to those. */
export function addRow(matrix: Matrix, row: number, factor: number, to: ColumnSums): void {
  const { elements, first, columns } = matrix;
  const { sums, magnitudes } = to;
  const from = first + row * columns;
  for (let column = 0; column < columns; column += 1) {
    const product = (elements[from + column] as number) * factor;
    sums[column] = (sums[column] as number) + product;
    magnitudes[column] = (magnitudes[column] as number) + Math.abs(product);
  }
}

/** Adds the squares of a row to the sums of its columns, and the magnitudes to those. */
export function addSquares(matrix: Matrix, row: number, to: ColumnSums): void {
  const { elements, first, columns } = matrix;
  const { sums, magnitudes } = to;
  const from = first + row * columns;
  for (let column = 0; column < columns; column += 1) {
    const element = elements[from + column] as number;
    sums[column] = (sums[column] as number) + element * element;
    magnitudes[column] = (magnitudes[column] as number) + Math.abs(element);
  }
}

export interface RowSums {
  readonly squares: number;
  readonly magnitudes: number;
  /** Of magnitudes times their column's weight. */
  readonly weighted: number;
}

/** Columns of weight 0 do not count, whatever they hold. */
export function rowSums(matrix: Matrix, row: number, weights: Float64Array): RowSums {
  const { elements, first, columns } = matrix;
  const from = first + row * columns;
  let [squares, magnitudes, weighted] = [0, 0, 0];
  for (let column = 0; column < columns; column += 1) {
    const weight = weights[column] as number;
    if (weight === 0) continue;
    const size = Math.abs(elements[from + column] as number);
    squares += size * size;
    magnitudes += size;
    weighted += size * weight;
  }
  return { squares, magnitudes, weighted };
}
