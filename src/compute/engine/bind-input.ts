/** From a table to the tensor that the job says: some columns of some rows, transposed or not. */
import { QuipuError } from "../../base/errors.js";
import type { TableSource } from "../../model/job.js";
import { allocate } from "../native/memory.js";
import type { Table } from "./table.js";
import { float32, type Tensor } from "./tensor.js";

interface Selection {
  readonly rows: readonly number[];
  readonly first: number;
  readonly width: number;
}

function select(table: Table, source: TableSource): Selection {
  const [first, last] = source.columns;
  if (first >= last || last > table.columns) {
    throw new QuipuError(
      "DATA_INVALID",
      `${source.file} has ${table.columns} columns; the job asks for ${first} to ${last}`,
      { next: "correct the columns in the job", details: { file: source.file } },
    );
  }
  const { rows: rule } = source;
  const rows: number[] = [];
  const kept = new Set(rule?.equals);
  for (let row = 0; row < table.rows; row += 1) {
    if (rule === undefined || kept.has(row % rule.modulo)) rows.push(row);
  }
  if (rows.length === 0) {
    throw new QuipuError(
      "DATA_INVALID",
      `the job takes none of the ${table.rows} rows of ${source.file}`,
      { next: "correct the rows in the job", details: { file: source.file } },
    );
  }
  return { rows, first, width: last - first };
}

export function bindInput(table: Table, source: TableSource): Tensor {
  const { rows, first, width } = select(table, source);
  const data = new Float32Array(allocate(rows.length * width * 4));
  for (const [index, row] of rows.entries()) {
    const from = row * table.columns + first;
    for (let column = 0; column < width; column += 1) {
      const at = source.transpose ? column * rows.length + index : index * width + column;
      data[at] = table.values[from + column] as number;
    }
  }
  const shape = source.transpose ? [width, rows.length] : [rows.length, width];
  return float32(shape, data);
}

/** One whole number a row. */
export function bindLabels(table: Table, source: TableSource): BigInt64Array {
  const { rows, first, width } = select(table, source);
  if (width !== 1) {
    throw new QuipuError("DATA_INVALID", `labels are one column and the job gives ${width}`, {
      next: "name one column in the job",
    });
  }
  const labels = new BigInt64Array(rows.length);
  for (const [index, row] of rows.entries()) {
    const value = table.values[row * table.columns + first] as number;
    if (!Number.isSafeInteger(value)) {
      throw new QuipuError(
        "DATA_INVALID",
        `${source.file}, row ${row + 1}, column ${first + 1}: ${value} is no label; ` +
          "labels are whole numbers",
        {
          next: "correct the file, or name the column of the labels in the job",
          details: { file: source.file, row: row + 1, column: first + 1 },
        },
      );
    }
    labels[index] = BigInt(value);
  }
  return labels;
}
