/** Policy sets that were in force, in SQL. */
import type { Kysely } from "kysely";
import type { PolicySetTable } from "./coordinator-store.js";
import type { PolicySetRecord } from "./records.js";
import type { PolicySetRow, Schema } from "./schema.js";

export function policySetTable(db: Kysely<Schema>): PolicySetTable {
  const newestFirst = () => db.selectFrom("policy_sets").selectAll().orderBy("position", "desc");
  return {
    async append({ digest, applied, files, atMs }) {
      const last = await newestFirst().limit(1).executeTakeFirst();
      const row = {
        position: Number(last?.position ?? 0) + 1,
        digest,
        applied: applied ? 1 : 0,
        files: JSON.stringify(files),
        at_ms: atMs,
      };
      await db.insertInto("policy_sets").values(row).execute();
    },
    async newest() {
      const row = await newestFirst().limit(1).executeTakeFirst();
      return row === undefined ? undefined : toPolicySet(row);
    },
    async get(digest) {
      const row = await newestFirst().where("digest", "=", digest).limit(1).executeTakeFirst();
      return row === undefined ? undefined : toPolicySet(row);
    },
  };
}

function toPolicySet(row: PolicySetRow): PolicySetRecord {
  return {
    digest: row.digest as PolicySetRecord["digest"],
    applied: row.applied === 1,
    files: JSON.parse(row.files) as PolicySetRecord["files"],
    atMs: Number(row.at_ms),
  };
}
