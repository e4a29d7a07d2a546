/**
 * All rows of a store out of one database and into another, of either kind: read as of one moment
 * while a coordinator is at work on it, written all or none.
 */
import { existsSync } from "node:fs";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { QuipuError } from "../../base/errors.js";
import type { LogFileTable } from "./coordinator-store.js";
import { type Dialect, postgresDialect, sqliteDialect } from "./dialect.js";
import { explainDatabase } from "./explain-database.js";
import { migrate, newestStep } from "./migrate.js";
import { connectPostgres } from "./postgres.js";
import { isPostgresAddress } from "./postgres-address.js";
import { parseRow, type Row, rowText } from "./row-text.js";
import type { Schema } from "./schema.js";
import { logFileTable } from "./sql-log.js";
import { connectSqlite } from "./sqlite.js";

type Table = keyof Schema;

/**
 * The key of each table that is copied, none for what belongs to one database alone. The log goes by
 * its own files. In this order each row finds the rows that it refers to.
 */
const keys: Readonly<Record<Table, readonly string[] | undefined>> = {
  jobs: ["id"],
  runs: ["id"],
  hosts: ["name"],
  data_sets: ["name"],
  decisions: ["id"],
  papers: ["digest"],
  receipts: ["run_id"],
  notices: ["id"],
  submissions: ["key"],
  job_links: ["after_id", "job_id", "output"],
  run_log_lines: ["run_id", "sequence"],
  log_leaves: ["log_index"],
  log_marks: ["name"],
  leaders: ["name"],
  policy_sets: ["position"],
  data_uses: ["id"],
  pilots: ["id"],
  quotas: ["owner"],
  audits: ["id"],
  audit_answers: ["run_id"],
  reputations: ["host"],
  store_openers: undefined,
  log_heads: undefined,
  log_stages: undefined,
  log_files: undefined,
};

const copiedTables = (Object.keys(keys) as Table[]).filter((table) => keys[table] !== undefined);

const rowsAtOnce = 100;

/** A store as it was at one moment. */
export interface Snapshot {
  /** Newest step of its schema. */
  readonly schema: string;
  /** Those of its tables that are copied, in an order in which each row finds what it refers to. */
  readonly tables: readonly Table[];
  /** Rows as lines of text, in the order of their keys. */
  rows(table: Table): AsyncIterable<string>;
  /** Where the log is in the database: a published file of it. */
  logFile(path: string): Promise<Uint8Array | undefined>;
}

/** `where`: as for `openCoordinatorStore`. Changes nothing there, not even the schema. */
export async function readSnapshot<T>(
  where: string,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const { db, name } = connect(where);
  try {
    const schema = await newestStep(db, name);
    const transaction = isPostgresAddress(where)
      ? db.transaction().setIsolationLevel("repeatable read").setAccessMode("read only")
      : db.transaction();
    const tables = await copiedIn(db);
    return await transaction.execute((view) =>
      work({
        schema,
        tables,
        rows: (table) => rowsOf(view, table),
        logFile: (path) => logFileTable(view).file(path),
      }),
    );
  } catch (error) {
    throw explainDatabase(error, `cannot read ${name}`);
  } finally {
    await db.destroy();
  }
}

async function* rowsOf(db: Kysely<Schema>, table: Table): AsyncGenerator<string> {
  const columns = keys[table] ?? [];
  const key = sql.join(columns.map((column) => sql.ref(column)));
  let behind: RawBuilder<unknown> = sql``;
  for (;;) {
    const { rows } = await sql<Row>`select * from ${sql.table(table)} ${behind}
      order by ${key} limit ${sql.lit(rowsAtOnce)}`.execute(db);
    for (const row of rows) yield rowText(row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < rowsAtOnce) return;
    behind = sql`where (${key}) > (${sql.join(columns.map((column) => last[column]))})`;
  }
}

export interface NewStore {
  /** As in a snapshot of its schema. */
  readonly tables: readonly Table[];
  insert(table: Table, lines: AsyncIterable<string>): Promise<void>;
  /** Where the log is in the database. */
  readonly logFiles: LogFileTable;
}

/**
 * Makes a store of this schema, which later steps are added to when it is opened, and fills it. Throws
 * CONFLICT when something is there.
 */
export async function fillStore(
  where: string,
  schema: string,
  work: (store: NewStore) => Promise<void>,
): Promise<void> {
  const { db, dialect, name } = connect(where);
  try {
    await migrate(db, dialect, name, schema);
    const tables = await copiedIn(db);
    await db.transaction().execute(async (own) => {
      await requireEmpty(own, name, tables);
      const insert = (table: Table, lines: AsyncIterable<string>) => fill(own, table, lines);
      await work({ tables, insert, logFiles: logFileTable(own) });
    });
  } catch (error) {
    throw explainDatabase(error, `cannot fill ${name}`);
  } finally {
    await db.destroy();
  }
}

/** A schema of earlier steps has fewer tables. */
async function copiedIn(db: Kysely<Schema>): Promise<readonly Table[]> {
  const there = new Set((await db.introspection.getTables()).map(({ name }) => name));
  return copiedTables.filter((table) => there.has(table));
}

async function requireEmpty(
  db: Kysely<Schema>,
  name: string,
  tables: readonly Table[],
): Promise<void> {
  for (const table of tables) {
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(db);
    if (rows.length === 0) continue;
    throw new QuipuError("CONFLICT", `${name} is not empty: there are rows in ${table}`, {
      next: "restore into a new database, or empty this one if you are sure",
    });
  }
}

async function fill(db: Kysely<Schema>, table: Table, lines: AsyncIterable<string>): Promise<void> {
  let batch: Row[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length > 0)
      await db
        .insertInto(table)
        .values(batch as never)
        .execute();
    batch = [];
  };
  for await (const line of lines) {
    const row = parseRow(line);
    batch.push(table === "leaders" ? retired(row) : row);
    if (batch.length === rowsAtOnce) await flush();
  }
  await flush();
}

/** Nobody leads a new store; and no epoch comes twice, for somebody may hold it still. */
function retired(row: Row): Row {
  return { ...row, holder: "", address: "", lease_ends_at_ms: 0, epoch: Number(row.epoch) + 1 };
}

function connect(where: string): { db: Kysely<Schema>; dialect: Dialect; name: string } {
  if (isPostgresAddress(where)) return { ...connectPostgres(where), dialect: postgresDialect };
  return { db: connectSqlite(where), dialect: sqliteDialect, name: where };
}

/** For stores in files: opening one that is not there would make it. */
export function storeExists(where: string): boolean {
  return isPostgresAddress(where) || existsSync(where);
}
