/** Uses of data sets that somebody counts, in SQL. */
import type { Kysely } from "kysely";
import type { DataUseTable } from "./coordinator-store.js";
import type { Schema } from "./schema.js";

export function dataUseTable(db: Kysely<Schema>): DataUseTable {
  return {
    async insert({ dataSet, dataClass, ...use }) {
      await db
        .insertInto("data_uses")
        .values({ ...use, data_set: dataSet, data_class: dataClass })
        .onConflict((conflict) => conflict.column("id").doNothing())
        .execute();
    },
    async delete(id) {
      await db.deleteFrom("data_uses").where("id", "=", id).execute();
    },
    async count(dataSet, owner) {
      const row = await db
        .selectFrom("data_uses")
        .select((column) => column.fn.countAll().as("uses"))
        .where("data_set", "=", dataSet)
        .where("owner", "=", owner)
        .executeTakeFirst();
      return Number(row?.uses ?? 0);
    },
    async personsAbroad({ origin, dataClass, year, except }) {
      const rows = await db
        .selectFrom("data_uses")
        .select((column) => column.fn.max("persons").as("persons"))
        .where("origin", "=", origin)
        .where("data_class", "=", dataClass)
        .where("year", "=", year)
        .where("country", "<>", origin)
        .where("data_set", "<>", except)
        .groupBy("data_set")
        .execute();
      return rows.reduce((sum, row) => sum + Number(row.persons), 0);
    },
  };
}
