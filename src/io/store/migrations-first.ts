/** The first steps of the schema: jobs, their runs, what proves them, and the log of replicas. Frozen. */
import { type ColumnDefinitionBuilder, type Kysely, sql } from "kysely";
import type { Dialect } from "./dialect.js";

export type Bytes = Dialect["bytes"];

export const key = (column: ColumnDefinitionBuilder) => column.primaryKey();
export const required = (column: ColumnDefinitionBuilder) => column.notNull();

export async function jobs(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable("jobs")
    .addColumn("id", "text", key)
    .addColumn("position", "bigint", (column) => column.notNull().unique())
    .addColumn("name", "text", required)
    .addColumn("driver", "text", required)
    .addColumn("spec", bytes, required)
    .addColumn("spec_digest", "text", required)
    .addColumn("attempts_max", "integer", required)
    .addColumn("state", "text", required)
    .addColumn("run_id", "text", required)
    .addColumn("epoch", "bigint", required)
    .addColumn("host", "text", required)
    .addColumn("country", "text", required)
    .addColumn("decision_id", "text", required)
    .addColumn("cancel_reason", "text")
    .addColumn("failure", "text")
    .addColumn("submitted_at_ms", "bigint", required)
    .addColumn("started_at_ms", "bigint")
    .addColumn("finished_at_ms", "bigint")
    .addColumn("result", "text")
    .execute();
  await db.schema.createIndex("jobs_by_state").on("jobs").columns(["state", "position"]).execute();
}

export async function runs(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable("runs")
    .addColumn("id", "text", key)
    .addColumn("job_id", "text", (column) => column.notNull().references("jobs.id"))
    .addColumn("epoch", "bigint", required)
    .addColumn("host", "text", required)
    .addColumn("device", "text", required)
    .addColumn("stage", "text", required)
    .addColumn("instance_id", "text", required)
    .addColumn("receipt_key", bytes, required)
    .addColumn("place", "text", required)
    .addColumn("decision_id", "text", required)
    .addColumn("decision_digest", "text", required)
    .addColumn("policy_digest", "text", required)
    .addColumn("data_set", "text")
    .addColumn("assigned_at_ms", "bigint", required)
    .addColumn("ended_at_ms", "bigint")
    .addUniqueConstraint("runs_by_epoch", ["job_id", "epoch"])
    .execute();
  // One device, one run: a second grant of a device fails in the database, whatever the code
  // thinks.
  await db.schema
    .createIndex("runs_by_device")
    .on("runs")
    .columns(["host", "device"])
    .unique()
    .where(sql.ref("stage"), "in", [sql.lit("assigned"), sql.lit("acknowledged")])
    .execute();
  await db.schema.createIndex("runs_by_stage").on("runs").columns(["stage"]).execute();
}

export async function facts(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable("hosts")
    .addColumn("name", "text", key)
    .addColumn("facts", "text", required)
    .addColumn("inventory", bytes, required)
    .addColumn("receipt_key", bytes, required)
    .addColumn("last_seen_at_ms", "bigint", required)
    .execute();
  await db.schema
    .createTable("data_sets")
    .addColumn("name", "text", key)
    .addColumn("facts", "text", required)
    .addColumn("registered_at_ms", "bigint", required)
    .execute();
  await db.schema
    .createTable("decisions")
    .addColumn("id", "text", key)
    .addColumn("job_id", "text", (column) => column.notNull().references("jobs.id"))
    .addColumn("content", bytes, required)
    .execute();
  await db.schema
    .createTable("submissions")
    .addColumn("key", "text", key)
    .addColumn("digest", "text", required)
    .addColumn("job_ids", "text", required)
    .execute();
}

export async function proofs(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable("receipts")
    .addColumn("run_id", "text", (column) => column.primaryKey().references("runs.id"))
    .addColumn("job_id", "text", required)
    .addColumn("epoch", "bigint", required)
    .addColumn("stage", "text", required)
    .addColumn("envelope", bytes, required)
    .addColumn("log_index", "bigint")
    .addColumn("received_at_ms", "bigint", required)
    .execute();
  await db.schema.createIndex("receipts_by_stage").on("receipts").columns(["stage"]).execute();
  await db.schema
    .createTable("log_leaves")
    .addColumn("leaf_hash", "text", key)
    .addColumn("log_index", "bigint", (column) => column.notNull().unique())
    .execute();
  await db.schema
    .createTable("run_log_lines")
    .addColumn("run_id", "text", required)
    .addColumn("sequence", "bigint", required)
    .addColumn("line", "text", required)
    .addColumn("size_bytes", "integer", required)
    .addPrimaryKeyConstraint("run_log_lines_key", ["run_id", "sequence"])
    .execute();
}

export async function papers(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable("papers")
    .addColumn("digest", "text", key)
    .addColumn("content", bytes, required)
    .execute();
}

/** Who may dispatch and sequence, and how far each opener of the database has committed. */
export async function replicas(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("leaders")
    .addColumn("name", "text", key)
    .addColumn("epoch", "bigint", required)
    .addColumn("holder", "text", required)
    .addColumn("lease_ends_at_ms", "bigint", required)
    .execute();
  await db.schema
    .createTable("store_openers")
    .addColumn("id", "text", key)
    .addColumn("commits", "bigint", required)
    .execute();
}

/** The transparency log, for replicas that share no folder. */
export async function log(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable("log_heads")
    .addColumn("name", "text", key)
    .addColumn("note", "text", required)
    .execute();
  await db.schema
    .createTable("log_stages")
    .addColumn("size", "bigint", required)
    .addColumn("root", "text", required)
    .addColumn("content", bytes, required)
    .addPrimaryKeyConstraint("log_stages_key", ["size", "root"])
    .execute();
  await db.schema
    .createTable("log_files")
    .addColumn("path", "text", key)
    .addColumn("partial_of", "text")
    .addColumn("content", bytes, required)
    .execute();
  await db.schema
    .createIndex("log_files_by_whole")
    .on("log_files")
    .columns(["partial_of"])
    .execute();
}
