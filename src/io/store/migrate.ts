/** Brings a database to the newest schema step, or refuses one that a newer program has changed. */
import { type Kysely, Migrator } from "kysely";
import { QuipuError } from "../../base/errors.js";
import { type Dialect, sqliteDialect } from "./dialect.js";
import { migrations } from "./migrations.js";
import type { Schema } from "./schema.js";

const stepTable = "kysely_migration";

/** `name` is how people know this database; no step after `last` is taken, where it is given. */
export async function migrate(
  db: Kysely<Schema>,
  dialect: Dialect,
  name: string,
  last?: string,
): Promise<void> {
  const steps = migrations(dialect);
  refuseNewer([...(await stepsOf(db)), ...(last === undefined ? [] : [last])], steps, name);
  const provider = { getMigrations: async () => steps };
  const migrator = new Migrator({ db, provider, migrationTableName: stepTable });
  const { error } = await (last === undefined
    ? migrator.migrateToLatest()
    : migrator.migrateTo(last));
  if (error !== undefined) throw error;
}

/** The newest step that the database has; NOT_FOUND when it is no coordinator's. */
export async function newestStep(db: Kysely<Schema>, name: string): Promise<string> {
  const steps = await stepsOf(db);
  refuseNewer(steps, migrations(sqliteDialect), name);
  const newest = steps.sort().at(-1);
  if (newest !== undefined) return newest;
  throw new QuipuError("NOT_FOUND", `${name} holds no coordinator's store`, {
    next: "give the state folder or the database of a coordinator that has run",
  });
}

async function stepsOf(db: Kysely<Schema>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === stepTable)) return [];
  const rows = await db
    .withTables<{ [stepTable]: { name: string } }>()
    .selectFrom(stepTable)
    .select("name")
    .execute();
  return rows.map((row) => row.name);
}

function refuseNewer(found: readonly string[], known: object, name: string): void {
  const unknown = found.find((step) => !Object.hasOwn(known, step));
  if (unknown === undefined) return;
  throw new QuipuError(
    "STATE_NEWER",
    `${name} was changed by a newer program (schema step ${unknown})`,
    { next: "run the newer program, or start from another state folder or database" },
  );
}
