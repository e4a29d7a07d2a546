/** What the coordinator has signed itself, in SQL. */
import type { Kysely, Selectable } from "kysely";
import type { NoticeTable } from "./coordinator-store.js";
import type { NoticeRecord } from "./records.js";
import type { NoticeRow, Schema } from "./schema.js";
import { plain } from "./sql-jobs.js";

export function noticeTable(db: Kysely<Schema>): NoticeTable {
  return {
    async insert({ id, stage, envelope, key, madeAtMs, logIndex }) {
      const row = { id, stage, envelope, key, made_at_ms: madeAtMs, log_index: logIndex ?? null };
      await db.insertInto("notices").values(row).execute();
    },
    async get(id) {
      const row = await db
        .selectFrom("notices")
        .selectAll()
        .where("id", "=", id)
        .executeTakeFirst();
      return row && toNotice(row);
    },
    async staged(limit) {
      const rows = await db
        .selectFrom("notices")
        .selectAll()
        .where("stage", "=", "staged")
        .orderBy("made_at_ms")
        .orderBy("id")
        .limit(limit)
        .execute();
      return rows.map(toNotice);
    },
    async logged(firstIndex, limit) {
      const rows = await db
        .selectFrom("notices")
        .selectAll()
        .where("log_index", ">=", firstIndex)
        .orderBy("log_index")
        .limit(limit)
        .execute();
      return rows.map(toNotice);
    },
    async setLogged(id, logIndex) {
      const change = { stage: "logged", log_index: logIndex } as const;
      await db.updateTable("notices").set(change).where("id", "=", id).execute();
    },
  };
}

function toNotice(row: Selectable<NoticeRow>): NoticeRecord {
  return {
    id: row.id,
    stage: row.stage,
    envelope: plain(row.envelope),
    key: plain(row.key),
    madeAtMs: Number(row.made_at_ms),
    ...(row.log_index === null ? {} : { logIndex: Number(row.log_index) }),
  };
}
