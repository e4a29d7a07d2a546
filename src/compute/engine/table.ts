/**
 * Tables of numbers as a data folder holds them: CSV (RFC 4180 without quotes or a header), plain or
 * gzipped. Strict, because a wrong number that is let through becomes a wrong result with a receipt.
 *
 * Part of `canonical-1`: a field is read as an ECMAScript number (correctly rounded binary64) and
 * then rounded to binary32, nearest even.
 */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { QuipuError } from "../../base/errors.js";
import { allocate } from "../native/memory.js";
import { fileError, insideFolder } from "./data-file.js";

export interface Table {
  /** Row-major. */
  readonly values: Float64Array<ArrayBuffer>;
  readonly rows: number;
  readonly columns: number;
  /** Size of the file as it lies on disk. */
  readonly fileBytes: number;
}

export const tableLimits = Object.freeze({
  /** After decompression. */
  textBytesMax: 4 * 1024 * 1024 * 1024,
  rowsMax: 100_000_000,
  columnsMax: 65_536,
  valuesMax: 1_000_000_000,
  fieldLengthMax: 64,
});

export async function readTable(
  dataFolder: string,
  file: string,
  signal?: AbortSignal,
): Promise<Table> {
  return readTableAt(await insideFolder(dataFolder, file), file, signal);
}

/** `file` is what the table is called in messages; it ends in `.gz` when the table is gzipped. */
export async function readTableAt(
  path: string,
  file: string,
  signal?: AbortSignal,
): Promise<Table> {
  const parser = new TableParser(file);
  const source = createReadStream(path, { highWaterMark: 1 << 20 });
  const stream: Readable = file.endsWith(".gz") ? source.pipe(createGunzip()) : source;
  source.on("error", (error) => stream.destroy(error));
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted();
      parser.push(chunk as Buffer);
    }
  } catch (error) {
    throw fileError(error, file);
  } finally {
    source.destroy();
    stream.destroy();
  }
  return { ...parser.finish(), fileBytes: source.bytesRead };
}

const number = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const newline = 0x0a;

/** Cuts text into lines as it comes and keeps numbers only. */
class TableParser {
  readonly #file: string;
  #rest: Buffer = Buffer.alloc(0);
  #values = new Float64Array(1024);
  #count = 0;
  #rows = 0;
  #columns = 0;
  #textBytes = 0;

  constructor(file: string) {
    this.#file = file;
  }

  push(chunk: Buffer): void {
    this.#textBytes += chunk.length;
    if (this.#textBytes > tableLimits.textBytesMax) {
      throw this.#tooMuch(`${tableLimits.textBytesMax} bytes of text`);
    }
    const text = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (let end = text.indexOf(newline); end >= 0; end = text.indexOf(newline, start)) {
      this.#line(text.toString("latin1", start, end));
      start = end + 1;
    }
    this.#rest = text.subarray(start);
    if (this.#rest.length > tableLimits.columnsMax * (tableLimits.fieldLengthMax + 1)) {
      throw this.#tooMuch("one line");
    }
  }

  finish(): { values: Float64Array<ArrayBuffer>; rows: number; columns: number } {
    if (this.#rest.length > 0) this.#line(this.#rest.toString("latin1"));
    this.#rest = Buffer.alloc(0);
    // A view: a copy of a large table would need its memory twice.
    const values = this.#values.subarray(0, this.#count);
    return { values, rows: this.#rows, columns: this.#columns };
  }

  #line(line: string): void {
    const fields = (line.endsWith("\r") ? line.slice(0, -1) : line).split(",");
    if (this.#rows === 0) this.#columns = fields.length;
    if (fields.length > tableLimits.columnsMax) {
      throw this.#tooMuch(`${tableLimits.columnsMax} columns`);
    }
    if (fields.length !== this.#columns) {
      const row = this.#rows + 1;
      throw new QuipuError(
        "DATA_INVALID",
        `${this.#file}, row ${row}: ${fields.length} columns where row 1 has ${this.#columns}`,
        { next: "give each row the same columns", details: { file: this.#file, row } },
      );
    }
    if (this.#rows >= tableLimits.rowsMax) throw this.#tooMuch(`${tableLimits.rowsMax} rows`);
    if (this.#count + fields.length > tableLimits.valuesMax) {
      throw this.#tooMuch(`${tableLimits.valuesMax} numbers`);
    }
    if (this.#count + fields.length > this.#values.length) this.#grow(fields.length);
    for (const [column, field] of fields.entries()) {
      this.#values[this.#count] = this.#number(field.trim(), column);
      this.#count += 1;
    }
    this.#rows += 1;
  }

  #number(field: string, column: number): number {
    const value = Number(field);
    if (field.length <= tableLimits.fieldLengthMax && number.test(field) && inRange(value)) {
      return value;
    }
    const row = this.#rows + 1;
    const what = field === "" ? "nothing" : `"${field.slice(0, 40)}"`;
    throw new QuipuError(
      "DATA_INVALID",
      `${this.#file}, row ${row}, column ${column + 1}: ${what} where a finite number belongs`,
      {
        next: "correct the file; tables hold numbers only, without a header",
        details: { file: this.#file, row, column: column + 1 },
      },
    );
  }

  #grow(more: number): void {
    const length = Math.max(this.#values.length * 2, this.#count + more);
    const values = new Float64Array(allocate(length * 8));
    values.set(this.#values);
    this.#values = values;
  }

  #tooMuch(what: string): QuipuError {
    return new QuipuError("LIMIT_EXCEEDED", `${this.#file} holds more than ${what}`, {
      next: "split the table",
      details: { file: this.#file },
    });
  }
}

/** Finite, and finite as binary32 too. */
function inRange(value: number): boolean {
  return Number.isFinite(Math.fround(value));
}
