/**
 * PostgreSQL, or a database that speaks like it, for any number of coordinators at once. Used so
 * that distributed SQL fits as well: no sequences, triggers, notifications or advisory locks.
 */
import { Kysely, PostgresAdapter, PostgresDialect } from "kysely";
import type { Database } from "./database.js";
import { postgresDialect } from "./dialect.js";
import { explainDatabase, sqlState } from "./explain-database.js";
import { migrate } from "./migrate.js";
import { parsePostgresAddress } from "./postgres-address.js";
import { openPool } from "./postgres-pool.js";
import { PostgresTransactions } from "./postgres-transactions.js";
import type { Schema } from "./schema.js";

const attemptsMax = 5;

export async function openPostgres(address: string): Promise<Database> {
  const { name, db } = connectPostgres(address);
  try {
    await migrateBesideOthers(db, name);
    const transactions = await PostgresTransactions.open(db);
    return {
      dialect: postgresDialect,
      isShared: true,
      isDurable: true,
      db,
      get silence() {
        return transactions.silence;
      },
      transaction: (body) => transactions.run(body),
      ending: () => transactions.ending(),
      async close() {
        await transactions.close();
        await db.destroy();
      },
    };
  } catch (error) {
    await db.destroy();
    throw explainDatabase(error, `cannot open ${name}`);
  }
}

/** The database as it is; `name` is how people know it. Connects on use. */
export function connectPostgres(address: string): { name: string; db: Kysely<Schema> } {
  const { name, pool } = parsePostgresAddress(address);
  return {
    name,
    db: new Kysely({ dialect: new WithoutAdvisoryLocks({ pool: openPool(pool) }) }),
  };
}

/** What one of two fails with that make the same tables at once. */
const madeMeanwhile = ["23505", "40001", "40P01", "42P07", "42710"];

/** Nobody is locked out meanwhile: whoever comes second fails whole, and finds it done. */
async function migrateBesideOthers(db: Kysely<Schema>, name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await migrate(db, postgresDialect, name);
    } catch (error) {
      if (attempt === attemptsMax || !madeMeanwhile.includes(sqlState(error) ?? "")) throw error;
    }
  }
}

class WithoutAdvisoryLocks extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new AdapterWithoutLocks();
  }
}

class AdapterWithoutLocks extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}
