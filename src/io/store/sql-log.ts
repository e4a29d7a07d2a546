/** The transparency log's files, stages and committed checkpoint, in SQL. */
import type { Kysely } from "kysely";
import type { LogFileTable } from "./coordinator-store.js";
import type { Schema } from "./schema.js";
import { plain } from "./sql-jobs.js";

/** The one row of the committed checkpoint. */
const committed = "committed";

export function logFileTable(db: Kysely<Schema>): LogFileTable {
  return {
    async head() {
      const row = await db
        .selectFrom("log_heads")
        .select("note")
        .where("name", "=", committed)
        .executeTakeFirst();
      return row?.note;
    },
    async putHead(note) {
      await db
        .insertInto("log_heads")
        .values({ name: committed, note })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ note }))
        .execute();
    },
    async stage({ size, root }, content) {
      await db
        .insertInto("log_stages")
        .values({ size, root, content })
        .onConflict((conflict) => conflict.columns(["size", "root"]).doUpdateSet({ content }))
        .execute();
    },
    async staged({ size, root }) {
      const row = await db
        .selectFrom("log_stages")
        .select("content")
        .where("size", "=", size)
        .where("root", "=", root)
        .executeTakeFirst();
      return row === undefined ? undefined : plain(row.content);
    },
    async dropStages(sizeMax) {
      await db.deleteFrom("log_stages").where("size", "<=", sizeMax).execute();
    },
    async insertFile(path, content) {
      const partial_of = /^(.*)\.p\/[0-9]+$/.exec(path)?.[1] ?? null;
      const { numInsertedOrUpdatedRows } = await db
        .insertInto("log_files")
        .values({ path, partial_of, content })
        .onConflict((conflict) => conflict.column("path").doNothing())
        .executeTakeFirst();
      return numInsertedOrUpdatedRows === 1n;
    },
    async replaceFile(path, content) {
      await db
        .insertInto("log_files")
        .values({ path, partial_of: null, content })
        .onConflict((conflict) => conflict.column("path").doUpdateSet({ content }))
        .execute();
    },
    async file(path) {
      const row = await db
        .selectFrom("log_files")
        .select("content")
        .where("path", "=", path)
        .executeTakeFirst();
      return row === undefined ? undefined : plain(row.content);
    },
    async dropPartials(path) {
      await db.deleteFrom("log_files").where("partial_of", "=", path).execute();
    },
  };
}
