/**
 * The schema, step by step. Frozen once released: a released step is never edited, a change is a
 * new step with the next number. Keys are texts chosen by the coordinator; there are no database
 * sequences or triggers, so that every database gets the same rows.
 */
import { type Kysely, type Migration, sql } from "kysely";
import type { Dialect } from "./dialect.js";
import {
  type Bytes,
  facts,
  jobs,
  key,
  log,
  papers,
  proofs,
  replicas,
  required,
  runs,
} from "./migrations-first.js";

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

/** Runs that are run again elsewhere. */
async function audits(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("jobs").addColumn("audit_id", "text").execute();
  await db.schema
    .createTable("audits")
    .addColumn("id", "text", key)
    .addColumn("run_id", "text", required)
    .addColumn("job_id", "text", required)
    .addColumn("reason", "text", required)
    .addColumn("state", "text", required)
    .addColumn("again_job_id", "text", required)
    .addColumn("opened_at_ms", "bigint", required)
    .addColumn("closed_at_ms", "bigint")
    .execute();
  await db.schema.createIndex("audits_by_run").on("audits").columns(["run_id"]).unique().execute();
  await db.schema.createIndex("audits_by_state").on("audits").columns(["state"]).execute();
  await db.schema
    .createIndex("audits_by_time")
    .on("audits")
    .columns(["opened_at_ms", "id"])
    .execute();
  await db.schema
    .createTable("audit_answers")
    .addColumn("run_id", "text", key)
    .addColumn("audit_id", "text", required)
    .addColumn("host", "text", required)
    .addColumn("key_id", "text", required)
    .addColumn("device_kind", "text", required)
    .addColumn("answer", "text", required)
    .addColumn("finding", "text", required)
    .addColumn("at_ms", "bigint", required)
    .execute();
  await db.schema
    .createIndex("audit_answers_by_audit")
    .on("audit_answers")
    .columns(["audit_id"])
    .execute();
  await db.schema
    .createTable("reputations")
    .addColumn("host", "text", key)
    .addColumn("key_id", "text", required)
    .addColumn("right_count", "bigint", required)
    .addColumn("wrong_count", "bigint", required)
    .addColumn("right_in_row", "bigint", required)
    .execute();
}

async function disclosures(db: Kysely<unknown>, bytes: Bytes): Promise<void> {
  await db.schema.alterTable("receipts").addColumn("disclosure", bytes).execute();
  await db.schema.alterTable("receipts").addColumn("disclosure_seed", bytes).execute();
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
    "0019-audits": { up: audits },
    "0020-disclosures": { up: (db) => disclosures(db, bytes) },
  };
}
