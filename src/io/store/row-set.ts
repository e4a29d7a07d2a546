/**
 * The rows of one table as the works of one transaction see them. A row is read once, whoever asks;
 * what is written is seen at once by all that follows in the transaction, and goes to the database at
 * its end, many rows to a statement.
 */
import { QuipuError } from "../../base/errors.js";
import type { Changes } from "./changes.js";
import type { RowMemory } from "./row-memory.js";

/** One table, many rows at a time. */
export interface Rows<Row> {
  readonly table: string;
  keyOf(row: Row): string;
  load(keys: readonly string[]): Promise<readonly Row[]>;
  insert(rows: readonly Row[]): Promise<void>;
  /** Of rows that are there. */
  replace(rows: readonly Row[]): Promise<void>;
}

/** Statements stay far below what databases allow of parameters. */
const rowsPerStatementMax = 256;

export class RowSet<Row> {
  readonly #rows: Rows<Row>;
  readonly #changes: Changes;
  readonly #memory: RowMemory<Row> | undefined;
  /** As the transaction has them now; undefined: there is none. */
  readonly #known = new Map<string, Row | undefined>();
  readonly #inserted = new Set<string>();
  readonly #replaced = new Set<string>();

  constructor(rows: Rows<Row>, changes: Changes, memory?: RowMemory<Row>) {
    this.#rows = rows;
    this.#changes = changes;
    this.#memory = memory;
  }

  async get(key: string): Promise<Row | undefined> {
    if (!this.#known.has(key)) await this.#load([key]);
    return this.#known.get(key);
  }

  /** Reads these together, since they will be asked for one by one. */
  async expect(keys: readonly string[]): Promise<void> {
    const unknown = keys.filter((key) => !this.#known.has(key));
    for (let at = 0; at < unknown.length; at += rowsPerStatementMax) {
      await this.#load(unknown.slice(at, at + rowsPerStatementMax));
    }
  }

  /** A row that the database has already makes the whole transaction fail at its end. */
  insert(row: Row): void {
    const key = this.#rows.keyOf(row);
    if (this.#known.get(key) !== undefined) {
      throw new QuipuError("CONFLICT", `${this.#rows.table} has a row ${key} already`);
    }
    this.#changes.add();
    this.#known.set(key, row);
    this.#inserted.add(key);
  }

  /** Without effect where there is no such row. */
  async update(key: string, change: (row: Row) => Row): Promise<void> {
    const row = await this.get(key);
    if (row === undefined) return;
    this.#changes.add();
    this.#known.set(key, change(row));
    if (!this.#inserted.has(key)) this.#replaced.add(key);
  }

  /** To the database, before something is asked of it that these rows play a part in. */
  async flush(): Promise<void> {
    await this.#each(this.#inserted, (rows) => this.#rows.insert(rows));
    await this.#each(this.#replaced, (rows) => this.#rows.replace(rows));
  }

  /** The transaction is committed, and these are its rows. */
  committed(memory: RowMemory<Row>): void {
    for (const [key, row] of this.#known) if (row !== undefined) memory.set(key, row);
  }

  async #load(keys: readonly string[]): Promise<void> {
    const missing: string[] = [];
    for (const key of keys) {
      const remembered = this.#memory?.get(key);
      this.#known.set(key, remembered);
      if (remembered === undefined) missing.push(key);
    }
    if (missing.length === 0) return;
    for (const row of await this.#rows.load(missing)) this.#known.set(this.#rows.keyOf(row), row);
  }

  async #each(keys: Set<string>, write: (rows: readonly Row[]) => Promise<void>): Promise<void> {
    const rows = [...keys].map((key) => this.#known.get(key) as Row);
    keys.clear();
    for (let at = 0; at < rows.length; at += rowsPerStatementMax) {
      await write(rows.slice(at, at + rowsPerStatementMax));
    }
  }
}
