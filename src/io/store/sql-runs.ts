/** Runs and their receipts, in SQL. */
import { type Kysely, sql } from "kysely";
import type { Digest } from "../../base/bytes.js";
import type { LogIndexTable, ReceiptTable, RunTable } from "./coordinator-store.js";
import type { ReceiptRecord, RunRecord } from "./records.js";
import type { ReceiptRow, RunRow, Schema } from "./schema.js";
import { plain } from "./sql-jobs.js";

export function runTable(db: Kysely<Schema>): RunTable {
  return {
    async insert(run) {
      await db.insertInto("runs").values(toRow(run)).execute();
    },
    async get(id) {
      const row = await db.selectFrom("runs").selectAll().where("id", "=", id).executeTakeFirst();
      return row === undefined ? undefined : fromRow(row);
    },
    async update(id, { stage, instanceId, endedAtMs }) {
      const change = {
        stage,
        ...(instanceId === undefined ? {} : { instance_id: instanceId }),
        ...(endedAtMs === undefined ? {} : { ended_at_ms: endedAtMs }),
      };
      await db.updateTable("runs").set(change).where("id", "=", id).execute();
    },
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

export function receiptTable(db: Kysely<Schema>): ReceiptTable {
  return {
    async insert(receipt) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto("receipts")
        .values({
          run_id: receipt.runId,
          job_id: receipt.jobId,
          epoch: receipt.epoch,
          stage: receipt.stage,
          envelope: receipt.envelope,
          log_index: receipt.logIndex ?? null,
          received_at_ms: receipt.receivedAtMs,
        })
        .onConflict((conflict) => conflict.column("run_id").doNothing())
        .executeTakeFirst();
      return numInsertedOrUpdatedRows === 1n;
    },
    async get(runId) {
      const row = await db
        .selectFrom("receipts")
        .selectAll()
        .where("run_id", "=", runId)
        .executeTakeFirst();
      return row === undefined ? undefined : toReceipt(row);
    },
    async setLogged(runId, logIndex) {
      await db
        .updateTable("receipts")
        .set({ stage: "logged", log_index: logIndex })
        .where("run_id", "=", runId)
        .execute();
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
      const first = await db
        .selectFrom("log_leaves")
        .select("log_index")
        .where("log_index", "=", 0)
        .executeTakeFirst();
      if (first === undefined) return 0;
      const row = await db
        .selectFrom("log_leaves as leaf")
        .leftJoin("log_leaves as next", (join) =>
          join.on(sql`next.log_index`, "=", sql`leaf.log_index + 1`),
        )
        .select((column) => column.fn.min("leaf.log_index").as("last"))
        .where("next.log_index", "is", null)
        .executeTakeFirst();
      return Number(row?.last ?? -1) + 1;
    },
  };
}

function toReceipt(row: ReceiptRow): ReceiptRecord {
  return {
    runId: row.run_id,
    jobId: row.job_id,
    epoch: row.epoch,
    stage: row.stage,
    envelope: plain(row.envelope),
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
