/**
 * The schema, step by step. Frozen once released: a released step is never edited, a change is a
 * new step with the next number. Keys are texts chosen by the coordinator; there are no database
 * sequences or triggers, so that every database gets the same rows.
 */
import { type ColumnDefinitionBuilder, type Kysely, type Migration, sql } from "kysely";
import type { Dialect } from "./dialect.js";

type Bytes = Dialect["bytes"];

const key = (column: ColumnDefinitionBuilder) => column.primaryKey();
const required = (column: ColumnDefinitionBuilder) => column.notNull();

async function jobs(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
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

async function runs(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
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

async function facts(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
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

async function proofs(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
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

async function papers(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable("papers")
    .addColumn("digest", "text", key)
    .addColumn("content", bytes, required)
    .execute();
}

/** Who may dispatch and sequence, and how far each opener of the database has committed. */
async function replicas(db: Kysely<unknown>): Promise<void> {
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
async function log(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
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

async function policies(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("policy_sets")
    .addColumn("position", "bigint", key)
    .addColumn("digest", "text", required)
    .addColumn("applied", "integer", required)
    .addColumn("files", "text", required)
    .addColumn("at_ms", "bigint", required)
    .execute();
  await db.schema
    .createTable("data_uses")
    .addColumn("id", "text", key)
    .addColumn("data_set", "text", required)
    .addColumn("data_class", "text", required)
    .addColumn("owner", "text", required)
    .addColumn("origin", "text", required)
    .addColumn("year", "integer", required)
    .addColumn("country", "text", required)
    .addColumn("persons", "bigint", required)
    .execute();
  await db.schema
    .createIndex("data_uses_by_owner")
    .on("data_uses")
    .columns(["data_set", "owner"])
    .execute();
  await db.schema
    .createIndex("data_uses_by_year")
    .on("data_uses")
    .columns(["origin", "data_class", "year"])
    .execute();
}

/** Several runs share a device: what each holds of it. Who may grant is the leader's row's business. */
async function shares(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex("runs_by_device").execute();
  for (const [column, type, value] of [
    ["slots", "integer", 1],
    ["memory_bytes", "bigint", 0],
  ] as const) {
    await db.schema
      .alterTable("runs")
      .addColumn(column, type, (definition) => definition.notNull().defaultTo(value))
      .execute();
  }
}

async function failedHosts(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("jobs").addColumn("failed_hosts", "text").execute();
}

/** Where the leader answers, and what it signs with. */
async function leaderAddress(db: Kysely<unknown>): Promise<void> {
  for (const column of ["address", "keys"]) {
    await db.schema
      .alterTable("leaders")
      .addColumn(column, "text", (added) => added.notNull().defaultTo(""))
      .execute();
  }
}

/** Jobs that come after others. */
async function jobGraph(db: Kysely<unknown>): Promise<void> {
  for (const [column, type] of [
    ["owner", "text"],
    ["waits_for", "text"],
    ["followed", "integer"],
  ] as const) {
    await db.schema.alterTable("jobs").addColumn(column, type).execute();
  }
  await db.schema
    .createIndex("jobs_by_name")
    .on("jobs")
    .columns(["owner", "name", "position"])
    .execute();
  await db.schema
    .createTable("job_links")
    .addColumn("after_id", "text", required)
    .addColumn("job_id", "text", required)
    .addColumn("output", "text", required)
    .addPrimaryKeyConstraint("job_links_key", ["after_id", "job_id", "output"])
    .execute();
  await db.schema.createIndex("job_links_by_job").on("job_links").columns(["job_id"]).execute();
}

async function receiptsByEntry(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex("receipts_by_entry").on("receipts").columns(["log_index"]).execute();
}

async function pilots(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable("pilots")
    .addColumn("id", "text", key)
    .addColumn("offer", "text", required)
    .addColumn("host", "text", required)
    .addColumn("stage", "text", required)
    .addColumn("token_digest", "text", required)
    .addColumn("receipt_key", bytes)
    .addColumn("facts", "text", required)
    .addColumn("ended_at_ms", "bigint")
    .execute();
  // One name, one pilot: two that live fail in the database, whatever the code thinks.
  await db.schema
    .createIndex("pilots_by_host")
    .on("pilots")
    .columns(["host"])
    .unique()
    .where(sql.ref("stage"), "<>", sql.lit("ended"))
    .execute();
  await db.schema.createIndex("pilots_by_end").on("pilots").columns(["ended_at_ms"]).execute();
}

async function quotas(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("quotas")
    .addColumn("owner", "text", key)
    .addColumn("facts", "text", required)
    .execute();
}

async function deadlines(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("jobs").addColumn("deadline_ms", "bigint").execute();
  await db.schema
    .createIndex("jobs_by_deadline")
    .on("jobs")
    .columns(["state", "deadline_ms"])
    .execute();
}

async function waits(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("jobs").addColumn("waits", "text").execute();
}

/** Jobs that are placed together. */
async function gangs(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("jobs").addColumn("gang_id", "text").execute();
  await db.schema.createIndex("jobs_by_gang").on("jobs").columns(["gang_id", "position"]).execute();
}

/** Up to where the cache of the log has every entry. */
async function logMarks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("log_marks")
    .addColumn("name", "text", key)
    .addColumn("complete_to", "bigint", required)
    .execute();
}

/** What runs hold of their hosts besides one device. */
async function moreLoad(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("runs").addColumn("more", "text").execute();
}

/** What the coordinator signs itself: ends of jobs that no host could sign for, and acts of operators. */
async function notices(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema
    .createTable("notices")
    .addColumn("id", "text", key)
    .addColumn("stage", "text", required)
    .addColumn("envelope", bytes, required)
    .addColumn("key", bytes, required)
    .addColumn("made_at_ms", "bigint", required)
    .addColumn("log_index", "bigint")
    .execute();
  await db.schema.createIndex("notices_by_stage").on("notices").columns(["stage"]).execute();
  await db.schema.createIndex("notices_by_entry").on("notices").columns(["log_index"]).execute();
}

async function receiptsByJob(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex("receipts_by_job").on("receipts").columns(["job_id"]).execute();
}

export function migrations({ bytes }: Dialect): Record<string, Migration> {
  return {
    "0001-jobs-runs-receipts": {
      async up(db) {
        await jobs(db, bytes);
        await runs(db, bytes);
        await facts(db, bytes);
        await proofs(db, bytes);
      },
    },
    "0002-papers": { up: (db) => papers(db, bytes) },
    "0003-replicas-log": {
      async up(db) {
        await replicas(db);
        await log(db, bytes);
      },
    },
    "0004-policies": { up: policies },
    "0005-shares": { up: shares },
    "0006-failed-hosts": { up: failedHosts },
    "0007-leader-address": { up: leaderAddress },
    "0008-job-graph": { up: jobGraph },
    "0009-receipts-by-entry": { up: receiptsByEntry },
    "0010-pilots": { up: (db) => pilots(db, bytes) },
    "0011-quotas": { up: quotas },
    "0012-deadlines": { up: deadlines },
    "0013-waits": { up: waits },
    "0014-gangs": { up: gangs },
    "0015-log-marks": { up: logMarks },
    "0016-more-load": { up: moreLoad },
    "0017-notices": { up: (db) => notices(db, bytes) },
    "0018-receipts-by-job": { up: receiptsByJob },
  };
}
