/** Brings a database to the newest schema step, or refuses one that a newer program has changed. */
import { type Kysely, Migrator } from "kysely";
import { QuipuError } from "../../base/errors.js";
import type { Dialect } from "./dialect.js";
import { migrations } from "./migrations.js";
import type { Schema } from "./schema.js";

const stepTable = "kysely_migration";

/** `name` is how people know this database. */
export async function migrate(db: Kysely<Schema>, dialect: Dialect, name: string): Promise<void> {
  const steps = migrations(dialect);
  await refuseNewer(db, Object.keys(steps), name);
  const provider = { getMigrations: async () => steps };
  const { error } = await new Migrator({
    db,
    provider,
    migrationTableName: stepTable,
  }).migrateToLatest();
  if (error !== undefined) throw error;
}

async function refuseNewer(
  db: Kysely<Schema>,
  known: readonly string[],
  name: string,
): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === stepTable)) return;
  const rows = await db
    .withTables<{ [stepTable]: { name: string } }>()
    .selectFrom(stepTable)
    .select("name")
    .execute();
  const unknown = rows.find((row) => !known.includes(row.name));
  if (unknown === undefined) return;
  throw new QuipuError(
    "STATE_NEWER",
    `${name} was changed by a newer program (schema step ${unknown.name})`,
    { next: "run the newer program, or start from another state folder or database" },
  );
}
