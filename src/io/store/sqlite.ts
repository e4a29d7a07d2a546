/**
 * The embedded database: SQLite through libsql, write-ahead log, full sync, one opener. A commit
 * that resolved is on disk. Who opens it holds the state folder, so nobody else does.
 */
import { Kysely, type SqliteDatabase, SqliteDialect, sql } from "kysely";
import Raw from "libsql";
import type { Database } from "./database.js";
import { sqliteDialect } from "./dialect.js";
import { explainDatabase } from "./explain-database.js";
import { migrate } from "./migrate.js";
import type { Schema } from "./schema.js";

/** `:memory:` gives a database of its own that lives as long as it is open. */
export async function openSqlite(path: string): Promise<Database> {
  let db: Kysely<Schema> | undefined;
  try {
    const opened = connectSqlite(path);
    db = opened;
    await migrate(opened, sqliteDialect, path);
    return {
      dialect: sqliteDialect,
      isShared: false,
      isDurable: path !== ":memory:",
      db: opened,
      silence: undefined,
      transaction: (body) => opened.transaction().execute(body),
      ending: () => undefined,
      close: async () => {
        // What was erased leaves the write-ahead log too. Where that fails the next to close does it.
        await sql`pragma wal_checkpoint(truncate)`.execute(opened).catch(() => undefined);
        await opened.destroy();
      },
    };
  } catch (error) {
    await db?.destroy();
    throw explainDatabase(error, `cannot open the database ${path}`);
  }
}

/** The file as it is, or a new one; for whoever only reads beside the opener, too. */
export function connectSqlite(path: string): Kysely<Schema> {
  const raw = new Raw(path);
  // Full sync: each commit waits for the disk. An acknowledged job must survive a power cut.
  raw.exec("PRAGMA journal_mode = WAL");
  raw.exec("PRAGMA synchronous = FULL");
  raw.exec("PRAGMA foreign_keys = ON");
  // What is erased is written over: a receipt's seed would else lie in a free page for years.
  raw.exec("PRAGMA secure_delete = ON");
  return new Kysely({ dialect: new SqliteDialect({ database: withPreparedOnce(raw) }) });
}

const statementsKeptMax = 256;

/** The query builder prepares each query anew; preparing costs more than most of our queries. */
function withPreparedOnce(raw: Raw.Database): SqliteDatabase {
  type Prepared = ReturnType<SqliteDatabase["prepare"]>;
  const kept = new Map<string, Prepared>();
  return {
    prepare(text) {
      const known = kept.get(text);
      if (known !== undefined) return known;
      const prepared = raw.prepare(text) as unknown as Prepared;
      // Asked at every use, for an answer that never changes.
      Object.defineProperty(prepared, "reader", { value: prepared.reader });
      // Only queries on rows: a statement of the schema may outlive what it was prepared against.
      if (/^(select|insert|update|delete|begin|commit)\b/.test(text)) {
        if (kept.size >= statementsKeptMax) kept.clear();
        kept.set(text, prepared);
      }
      return prepared;
    },
    close() {
      kept.clear();
      raw.close();
    },
  };
}
