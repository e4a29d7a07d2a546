/**
 * The embedded database: SQLite through libsql, write-ahead log, full sync, one opener. A commit
 * that resolved is on disk. Who opens it holds the state folder, so nobody else does.
 */

import { Kysely, Migrator, type SqliteDatabase, SqliteDialect, sql } from "kysely";
import Database from "libsql";
import { type ErrorCode, QuipuError } from "../../base/errors.js";
import { migrations } from "./migrations.js";
import type { Schema } from "./schema.js";

/** `:memory:` gives a database of its own that lives as long as it is open. */
export async function openSqlite(path: string): Promise<Kysely<Schema>> {
  let db: Kysely<Schema> | undefined;
  try {
    const raw = new Database(path);
    // Full sync: each commit waits for the disk. An acknowledged job must survive a power cut.
    raw.exec("PRAGMA journal_mode = WAL");
    raw.exec("PRAGMA synchronous = FULL");
    raw.exec("PRAGMA foreign_keys = ON");
    db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: withPreparedOnce(raw) }) });
    await refuseNewer(db, path);
    const { error } = await new Migrator({
      db,
      provider: { getMigrations: async () => ({ ...migrations }) },
    }).migrateToLatest();
    if (error !== undefined) throw error;
    return db;
  } catch (error) {
    await db?.destroy();
    throw explainDatabase(error, `cannot open the database ${path}`);
  }
}

const statementsKeptMax = 256;

/** The query builder prepares each query anew; preparing costs more than most of our queries. */
function withPreparedOnce(raw: Database.Database): SqliteDatabase {
  type Prepared = ReturnType<SqliteDatabase["prepare"]>;
  const kept = new Map<string, Prepared>();
  return {
    prepare(text) {
      const known = kept.get(text);
      if (known !== undefined) return known;
      const prepared = raw.prepare(text) as unknown as Prepared;
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

async function refuseNewer(db: Kysely<Schema>, path: string): Promise<void> {
  const { rows: tables } = await sql<{ name: string }>`
    select name from sqlite_master where type = 'table' and name = 'kysely_migration'`.execute(db);
  if (tables.length === 0) return;
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  const unknown = rows.map((row) => row.name).filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length === 0) return;
  throw new QuipuError(
    "STATE_NEWER",
    `${path} was changed by a newer program (schema step ${unknown[0]})`,
    { next: "run the newer program, or start from another state folder" },
  );
}

/** A database error as one of our codes. */
export function explainDatabase(error: unknown, what: string): QuipuError {
  if (error instanceof QuipuError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return new QuipuError(databaseCode(String(code)), `${what}: ${String(message)}`, {
    cause: error,
  });
}

function databaseCode(code: string): ErrorCode {
  if (code.startsWith("SQLITE_FULL")) return "DISK_FULL";
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return "STATE_LOCKED";
  if (code.startsWith("SQLITE_CANTOPEN") || code.startsWith("SQLITE_READONLY")) {
    return "STATE_NOT_WRITABLE";
  }
  if (code.startsWith("SQLITE_IOERR")) return "IO";
  if (code.startsWith("SQLITE_CONSTRAINT")) return "CONFLICT";
  return "INTERNAL";
}
