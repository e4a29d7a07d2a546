/** Quotas in SQL. */
import type { Kysely } from "kysely";
import { type Quota, quota } from "../../model/quota.js";
import type { QuotaTable } from "./coordinator-store.js";
import type { Schema } from "./schema.js";

export function quotaTable(db: Kysely<Schema>): QuotaTable {
  return {
    async put(facts) {
      const row = { owner: facts.owner, facts: JSON.stringify(facts) };
      await db
        .insertInto("quotas")
        .values(row)
        .onConflict((conflict) => conflict.column("owner").doUpdateSet({ facts: row.facts }))
        .execute();
    },
    async delete(owner) {
      await db.deleteFrom("quotas").where("owner", "=", owner).execute();
    },
    async all() {
      const rows = await db.selectFrom("quotas").selectAll().orderBy("owner").execute();
      return rows.map(({ facts }): Quota => quota.parse(JSON.parse(facts)));
    },
  };
}
