/** Audits by re-execution in SQL. */
import type { Kysely, Selectable } from "kysely";
import type { AuditTable } from "./coordinator-store.js";
import type { AuditAnswerRecord, AuditRecord, ReputationRecord } from "./records.js";
import type { AuditAnswerRow, AuditRow, ReputationRow, Schema } from "./schema.js";

export function auditTable(db: Kysely<Schema>): AuditTable {
  return {
    async insert(audit) {
      await db.insertInto("audits").values(toRow(audit)).execute();
    },
    async update(audit) {
      const { id, ...change } = toRow(audit);
      await db.updateTable("audits").set(change).where("id", "=", id).execute();
    },
    async get(id) {
      const row = await db.selectFrom("audits").selectAll().where("id", "=", id).executeTakeFirst();
      return row && toAudit(row);
    },
    async ofRun(runId) {
      const row = await db
        .selectFrom("audits")
        .selectAll()
        .where("run_id", "=", runId)
        .executeTakeFirst();
      return row && toAudit(row);
    },
    async open() {
      const rows = await db
        .selectFrom("audits")
        .selectAll()
        .where("state", "in", ["open", "disputed"])
        .orderBy("opened_at_ms")
        .orderBy("id")
        .execute();
      return rows.map(toAudit);
    },
    async list(limit, before) {
      let query = db.selectFrom("audits").selectAll();
      if (before !== undefined) {
        const { openedAtMs, id } = before;
        query = query.where(({ eb, or, and }) =>
          or([
            eb("opened_at_ms", "<", openedAtMs),
            and([eb("opened_at_ms", "=", openedAtMs), eb("id", "<", id)]),
          ]),
        );
      }
      const newest = query.orderBy("opened_at_ms", "desc").orderBy("id", "desc");
      return (await newest.limit(limit).execute()).map(toAudit);
    },
    ...answerQueries(db),
  };
}

function answerQueries(
  db: Kysely<Schema>,
): Pick<AuditTable, "putAnswer" | "answers" | "putReputation" | "reputations"> {
  return {
    async putAnswer(answer) {
      const { run_id, ...change } = toAnswerRow(answer);
      await db
        .insertInto("audit_answers")
        .values({ run_id, ...change })
        .onConflict((conflict) => conflict.column("run_id").doUpdateSet(change))
        .execute();
    },
    async answers(...auditIds) {
      if (auditIds.length === 0) return [];
      const rows = await db
        .selectFrom("audit_answers")
        .selectAll()
        .where("audit_id", "in", auditIds)
        .orderBy("at_ms")
        .orderBy("run_id")
        .execute();
      return rows.map(toAnswer);
    },
    async putReputation({ host, keyId, right, wrong, rightInRow }) {
      const change = {
        key_id: keyId,
        right_count: right,
        wrong_count: wrong,
        right_in_row: rightInRow,
      };
      await db
        .insertInto("reputations")
        .values({ host, ...change })
        .onConflict((conflict) => conflict.column("host").doUpdateSet(change))
        .execute();
    },
    async reputations() {
      const rows = await db.selectFrom("reputations").selectAll().orderBy("host").execute();
      return rows.map(toReputation);
    },
  };
}

function toRow(audit: AuditRecord): AuditRow {
  return {
    id: audit.id,
    run_id: audit.runId,
    job_id: audit.jobId,
    reason: audit.reason,
    state: audit.state,
    again_job_id: audit.againJobId,
    opened_at_ms: audit.openedAtMs,
    closed_at_ms: audit.closedAtMs ?? null,
  };
}

function toAudit(row: Selectable<AuditRow>): AuditRecord {
  return {
    id: row.id,
    runId: row.run_id,
    jobId: row.job_id,
    reason: row.reason,
    state: row.state,
    againJobId: row.again_job_id,
    openedAtMs: Number(row.opened_at_ms),
    ...(row.closed_at_ms === null ? {} : { closedAtMs: Number(row.closed_at_ms) }),
  };
}

function toAnswerRow(answer: AuditAnswerRecord): AuditAnswerRow {
  return {
    run_id: answer.runId,
    audit_id: answer.auditId,
    host: answer.host,
    key_id: answer.keyId,
    device_kind: answer.deviceKind,
    answer: answer.answer,
    finding: answer.finding,
    at_ms: answer.atMs,
  };
}

function toAnswer(row: Selectable<AuditAnswerRow>): AuditAnswerRecord {
  return {
    runId: row.run_id,
    auditId: row.audit_id,
    host: row.host,
    keyId: row.key_id,
    deviceKind: row.device_kind,
    answer: row.answer as AuditAnswerRecord["answer"],
    finding: row.finding,
    atMs: Number(row.at_ms),
  };
}

function toReputation(row: Selectable<ReputationRow>): ReputationRecord {
  return {
    host: row.host,
    keyId: row.key_id,
    right: Number(row.right_count),
    wrong: Number(row.wrong_count),
    rightInRow: Number(row.right_in_row),
  };
}
