/** Runs and their receipts, in SQL. */
import { type Kysely, sql } from "kysely";
import type { Digest } from "../../base/bytes.js";
import type { LogIndexTable, ReceiptTable, RunTable } from "./coordinator-store.js";
import { excluded } from "./excluded.js";
import type { ReceiptRecord, ReceiptStage, RunRecord } from "./records.js";
import type { Rows } from "./row-set.js";
import type { ReceiptRow, RunRow, Schema } from "./schema.js";
import { plain } from "./sql-jobs.js";

export function runRows(db: Kysely<Schema>): Rows<RunRecord> {
  return {
    table: "runs",
    keyOf: ({ id }) => id,
    async load(ids) {
      const rows = await db.selectFrom("runs").selectAll().where("id", "in", ids).execute();
      return rows.map(fromRow);
    },
    async insert(runs) {
      await db.insertInto("runs").values(runs.map(toRow)).execute();
    },
    async replace(runs) {
      const rows = runs.map(toRow);
      await db
        .insertInto("runs")
        .values(rows)
        .onConflict((conflict) => conflict.column("id").doUpdateSet(excluded(rows)))
        .execute();
    },
  };
}

export function runQueries(db: Kysely<Schema>): Omit<RunTable, "insert" | "get" | "update"> {
  return {
    async grantedSince(atMs, limit, after) {
      let query = db.selectFrom("runs").selectAll().where("assigned_at_ms", ">=", atMs);
      if (after !== undefined) {
        const { assignedAtMs, id } = after;
        query = query.where(({ and, eb, or }) =>
          or([
            eb("assigned_at_ms", ">", assignedAtMs),
            and([eb("assigned_at_ms", "=", assignedAtMs), eb("id", ">", id)]),
          ]),
        );
      }
      const rows = await query.orderBy("assigned_at_ms").orderBy("id").limit(limit).execute();
      return rows.map(fromRow);
    },
    async inStages(stages) {
      const rows = await db
        .selectFrom("runs")
        .selectAll()
        .where("stage", "in", [...stages])
        .orderBy("assigned_at_ms")
        .orderBy("id")
        .execute();
      return rows.map(fromRow);
    },
  };
}

export function receiptRows(db: Kysely<Schema>): Rows<ReceiptRecord> {
  return {
    table: "receipts",
    keyOf: ({ runId }) => runId,
    async load(runIds) {
      const query = db.selectFrom("receipts").selectAll().where("run_id", "in", runIds);
      return (await query.execute()).map(toReceipt);
    },
    async insert(receipts) {
      await db.insertInto("receipts").values(receipts.map(fromReceipt)).execute();
    },
    /** Stage and place in the log; of an envelope nothing changes but that it may be erased. */
    async replace(receipts) {
      const ids = receipts.map(({ runId }) => runId);
      const stages = receipts.map(({ runId, stage }) => sql`when ${runId} then ${stage}`);
      const indexes = receipts.map(
        ({ runId, logIndex }) => sql`when ${runId} then cast(${logIndex ?? null} as bigint)`,
      );
      await db
        .updateTable("receipts")
        .set({
          stage: sql<ReceiptStage>`case run_id ${sql.join(stages, sql` `)} end`,
          log_index: sql<number>`case run_id ${sql.join(indexes, sql` `)} end`,
        })
        .where("run_id", "in", ids)
        .execute();
      const erased = receipts.filter(({ envelope }) => envelope.length === 0);
      if (erased.length === 0) return;
      await db
        .updateTable("receipts")
        .set({ envelope: new Uint8Array(), disclosure: null, disclosure_seed: null })
        .where(
          "run_id",
          "in",
          erased.map(({ runId }) => runId),
        )
        .execute();
    },
  };
}

export function receiptQueries(
  db: Kysely<Schema>,
): Omit<ReceiptTable, "insert" | "get" | "setLogged" | "erase"> {
  return {
    async ofJob(jobId) {
      const rows = await db
        .selectFrom("receipts")
        .selectAll()
        .where("job_id", "=", jobId)
        .orderBy("run_id")
        .execute();
      return rows.map(toReceipt);
    },
    async inStage(stage) {
      const rows = await db
        .selectFrom("receipts")
        .selectAll()
        .where("stage", "=", stage)
        .orderBy("received_at_ms")
        .orderBy("run_id")
        .execute();
      return rows.map(toReceipt);
    },
    async owedKeys() {
      const rows = await db
        .selectFrom("receipts")
        .innerJoin("runs", "runs.id", "receipts.run_id")
        .select("runs.receipt_key")
        .distinct()
        .where("receipts.stage", "=", "staged")
        .execute();
      return rows.map((row) => plain(row.receipt_key));
    },
    async logged(firstIndex, receivedAtMs, limit) {
      const rows = await db
        .selectFrom("receipts")
        .innerJoin("runs", "runs.id", "receipts.run_id")
        .innerJoin("jobs", "jobs.id", "receipts.job_id")
        .leftJoin("audit_answers", "audit_answers.run_id", "receipts.run_id")
        .select(["receipts.run_id", "receipts.envelope", "receipts.log_index", "runs.receipt_key"])
        .select(["jobs.owner", "audit_answers.finding"])
        .where("receipts.log_index", ">=", firstIndex)
        .where("receipts.received_at_ms", ">=", receivedAtMs)
        .orderBy("receipts.log_index")
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        runId: row.run_id,
        owner: row.owner ?? "local",
        ...(row.finding === null ? {} : { finding: row.finding }),
        logIndex: Number(row.log_index),
        envelope: plain(row.envelope),
        receiptKey: plain(row.receipt_key),
      }));
    },
  };
}

export function logIndexTable(db: Kysely<Schema>): LogIndexTable {
  return {
    async put(leafHash, index) {
      await db
        .insertInto("log_leaves")
        .values({ leaf_hash: leafHash, log_index: index })
        .onConflict((conflict) => conflict.column("leaf_hash").doNothing())
        .execute();
    },
    async get(leafHash) {
      const row = await db
        .selectFrom("log_leaves")
        .select("log_index")
        .where("leaf_hash", "=", leafHash)
        .executeTakeFirst();
      return row?.log_index;
    },
    async firstGap() {
      const mark = await db.selectFrom("log_marks").select("complete_to").executeTakeFirst();
      const from = Number(mark?.complete_to ?? 0);
      const first = await db
        .selectFrom("log_leaves")
        .select("log_index")
        .where("log_index", "=", from)
        .executeTakeFirst();
      if (first === undefined) return from;
      const row = await db
        .selectFrom("log_leaves as leaf")
        .leftJoin("log_leaves as next", (join) =>
          join.on(sql`next.log_index`, "=", sql`leaf.log_index + 1`),
        )
        .select((column) => column.fn.min("leaf.log_index").as("last"))
        .where("leaf.log_index", ">=", from)
        .where("next.log_index", "is", null)
        .executeTakeFirst();
      return Number(row?.last ?? from - 1) + 1;
    },
    async mark(completeTo) {
      const mark = { complete_to: completeTo };
      await db
        .insertInto("log_marks")
        .values({ name: markName, ...mark })
        .onConflict((conflict) => conflict.column("name").doUpdateSet(mark))
        .execute();
    },
  };
}

/** The one row of its table. */
const markName = "log_leaves";

function fromReceipt(receipt: ReceiptRecord): ReceiptRow {
  return {
    run_id: receipt.runId,
    job_id: receipt.jobId,
    epoch: receipt.epoch,
    stage: receipt.stage,
    envelope: receipt.envelope,
    log_index: receipt.logIndex ?? null,
    received_at_ms: receipt.receivedAtMs,
    disclosure: receipt.disclosure?.envelope ?? null,
    disclosure_seed: receipt.disclosure?.seed ?? null,
  };
}

function toReceipt(row: ReceiptRow): ReceiptRecord {
  const { disclosure, disclosure_seed: seed } = row;
  return {
    runId: row.run_id,
    jobId: row.job_id,
    epoch: row.epoch,
    stage: row.stage,
    envelope: plain(row.envelope),
    ...(disclosure && seed && { disclosure: { envelope: plain(disclosure), seed: plain(seed) } }),
    ...(row.log_index === null ? {} : { logIndex: row.log_index }),
    receivedAtMs: row.received_at_ms,
  };
}

function toRow(run: RunRecord): RunRow {
  return {
    id: run.id,
    job_id: run.jobId,
    epoch: run.epoch,
    host: run.host,
    device: run.device,
    slots: run.slots,
    memory_bytes: run.memoryBytes,
    more: run.more === undefined ? null : JSON.stringify(run.more),
    stage: run.stage,
    instance_id: run.instanceId,
    receipt_key: run.receiptKey,
    place: JSON.stringify(run.place),
    decision_id: run.decisionId,
    decision_digest: run.decisionDigest,
    policy_digest: run.policyDigest,
    data_set: run.dataSet === undefined ? null : JSON.stringify(run.dataSet),
    assigned_at_ms: run.assignedAtMs,
    ended_at_ms: run.endedAtMs ?? null,
  };
}

function fromRow(row: RunRow): RunRecord {
  return {
    id: row.id,
    jobId: row.job_id,
    epoch: row.epoch,
    host: row.host,
    device: row.device,
    slots: row.slots,
    memoryBytes: row.memory_bytes,
    ...(row.more === null ? {} : { more: JSON.parse(row.more) }),
    stage: row.stage,
    instanceId: row.instance_id,
    receiptKey: plain(row.receipt_key),
    place: JSON.parse(row.place),
    decisionId: row.decision_id,
    decisionDigest: row.decision_digest as Digest,
    policyDigest: row.policy_digest as Digest,
    ...(row.data_set === null ? {} : { dataSet: JSON.parse(row.data_set) }),
    assignedAtMs: row.assigned_at_ms,
    ...(row.ended_at_ms === null ? {} : { endedAtMs: row.ended_at_ms }),
  };
}
