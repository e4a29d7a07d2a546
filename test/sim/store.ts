/** The coordinator's store for one simulation. Its database is one for all of a process: a schema takes long to make. */
import { sql } from "kysely";
import type { CoordinatorStore } from "../../src/io/store/coordinator-store.js";
import type { Database } from "../../src/io/store/database.js";
import { storeOf } from "../../src/io/store/sql-store.js";
import { openSqlite } from "../../src/io/store/sqlite.js";

let kept: { readonly database: Database; readonly tables: readonly string[] } | undefined;

/** As a new one is. The store of the simulation before is not to be used any more. */
export async function emptyStore(): Promise<CoordinatorStore> {
  kept ??= await openOnce();
  const { database, tables } = kept;
  await database.transaction(async (db) => {
    await sql`pragma defer_foreign_keys = on`.execute(db);
    for (const table of tables) await sql`delete from ${sql.table(table)}`.execute(db);
  });
  return storeOf(database);
}

async function openOnce(): Promise<NonNullable<typeof kept>> {
  const database = await openSqlite(":memory:");
  const tables = await database.db.introspection.getTables(); // without those of the migrations
  return { database, tables: tables.map(({ name }) => name) };
}
