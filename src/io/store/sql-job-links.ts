/** Which jobs come after which, in SQL. */
import type { Kysely } from "kysely";
import type { JobLinkTable } from "./coordinator-store.js";
import type { Schema } from "./schema.js";

export function jobLinkTable(db: Kysely<Schema>): JobLinkTable {
  return {
    async insert(links) {
      for (const { afterId, jobId, output } of links) {
        const row = { after_id: afterId, job_id: jobId, output };
        await db.insertInto("job_links").values(row).execute();
      }
    },
    async followers(afterId) {
      const rows = await db
        .selectFrom("job_links")
        .select("job_id")
        .distinct()
        .where("after_id", "=", afterId)
        .orderBy("job_id")
        .execute();
      return rows.map(({ job_id }) => job_id);
    },
    async needs(jobId) {
      const rows = await db
        .selectFrom("job_links")
        .selectAll()
        .where("job_id", "=", jobId)
        .orderBy("after_id")
        .execute();
      return rows.map(({ after_id, output }) => ({ jobId, afterId: after_id, output }));
    },
  };
}
