/** Jobs and what is decided about them, in SQL. */
import type { Kysely } from "kysely";
import type { Digest } from "../../base/bytes.js";
import type { JobTable, PaperTable, SubmissionTable } from "./coordinator-store.js";
import { excluded } from "./excluded.js";
import type { JobRecord } from "./records.js";
import type { Rows } from "./row-set.js";
import type { JobRow, Schema } from "./schema.js";

/** A longer one is sent again only before the first run: after that what a job asks for stays. */
const specResentBytesMax = 4096;

export function jobRows(db: Kysely<Schema>): Rows<JobRecord> {
  return {
    table: "jobs",
    keyOf: ({ id }) => id,
    async load(ids) {
      const rows = await db.selectFrom("jobs").selectAll().where("id", "in", ids).execute();
      return rows.map(fromRow);
    },
    async insert(jobs) {
      await db.insertInto("jobs").values(jobs.map(toRow)).execute();
    },
    async replace(jobs) {
      const rows = jobs.map(toRow);
      const short = rows.filter(({ spec }) => spec.length <= specResentBytesMax);
      if (short.length > 0) {
        await db
          .insertInto("jobs")
          .values(short)
          .onConflict((conflict) => conflict.column("id").doUpdateSet(excluded(short)))
          .execute();
      }
      for (const { id, position, spec, ...change } of rows) {
        if (spec.length <= specResentBytesMax) continue;
        const whole = change.epoch === 0 ? { ...change, spec } : change;
        await db.updateTable("jobs").set(whole).where("id", "=", id).execute();
      }
    },
  };
}

export function jobQueries(
  db: Kysely<Schema>,
): Omit<JobTable, "insert" | "get" | "expect" | "update"> {
  return {
    async newest(owner, name) {
      const row = await db
        .selectFrom("jobs")
        .selectAll()
        .where("owner", "=", owner)
        .where("name", "=", name)
        .orderBy("position", "desc")
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? undefined : fromRow(row);
    },
    async queued(limit, afterPosition) {
      return (await waiting(db, limit, afterPosition).execute()).map(fromRow);
    },
    async due(limit, atMs) {
      const rows = await unended(db)
        .selectAll()
        .where("deadline_ms", "<=", atMs)
        .where("cancel_reason", "is", null)
        .orderBy("deadline_ms")
        .orderBy("id")
        .limit(limit)
        .execute();
      return rows.map(fromRow);
    },
    async ofGang(gangId) {
      return (await members(db, gangId).execute()).map(fromRow);
    },
    async hasDeadlines() {
      const row = await unended(db)
        .select("id")
        .where("deadline_ms", "is not", null)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async list(limit, beforePosition) {
      const rows = await db
        .selectFrom("jobs")
        .selectAll()
        .where("position", "<", beforePosition)
        .orderBy("position", "desc")
        .limit(limit)
        .execute();
      return rows.map(fromRow);
    },
    async countQueued() {
      const row = await db
        .selectFrom("jobs")
        .select((column) => column.fn.countAll().as("count"))
        .where("state", "=", "queued")
        .executeTakeFirst();
      return Number(row?.count ?? 0);
    },
    async lastPosition() {
      const row = await db
        .selectFrom("jobs")
        .select((column) => column.fn.max("position").as("last"))
        .executeTakeFirst();
      return Number(row?.last ?? 0);
    },
  };
}

export function paperTable(db: Kysely<Schema>): PaperTable {
  return {
    async put(papers) {
      if (papers.length === 0) return;
      await db
        .insertInto("papers")
        .values(papers.map(({ digest, content }) => ({ digest, content })))
        .onConflict((conflict) => conflict.column("digest").doNothing())
        .execute();
    },
    async get(digest) {
      const row = await db
        .selectFrom("papers")
        .select("content")
        .where("digest", "=", digest)
        .executeTakeFirst();
      return row === undefined ? undefined : plain(row.content);
    },
  };
}

export function submissionTable(db: Kysely<Schema>): SubmissionTable {
  return {
    async insert({ key, digest, jobIds }) {
      const row = { key, digest, job_ids: JSON.stringify(jobIds) };
      await db.insertInto("submissions").values(row).execute();
    },
    async get(key) {
      const row = await db
        .selectFrom("submissions")
        .selectAll()
        .where("key", "=", key)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      return { key, digest: row.digest as Digest, jobIds: JSON.parse(row.job_ids) as string[] };
    },
  };
}

/** One kind of bytes: drivers answer with a Buffer, or, as libsql does, with an ArrayBuffer. */
export function plain(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  if (bytes instanceof ArrayBuffer) return new Uint8Array(bytes);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function waiting(db: Kysely<Schema>, limit: number, afterPosition: number) {
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("state", "=", "queued")
    .where("waits_for", "is", null)
    .where("position", ">", afterPosition)
    .orderBy("position", "asc")
    .limit(limit);
}

function unended(db: Kysely<Schema>) {
  return db.selectFrom("jobs").where("state", "in", ["queued", "placed", "running"]);
}

function members(db: Kysely<Schema>, gangId: string) {
  return db.selectFrom("jobs").selectAll().where("gang_id", "=", gangId).orderBy("position");
}

function toRow(job: JobRecord): JobRow {
  return {
    id: job.id,
    position: job.position,
    name: job.name,
    owner: job.owner,
    driver: job.driver,
    spec: job.spec,
    spec_digest: job.specDigest,
    attempts_max: job.attemptsMax,
    state: job.state,
    run_id: job.runId,
    epoch: job.epoch,
    host: job.host,
    country: job.country,
    decision_id: job.decisionId,
    cancel_reason: job.cancelReason ?? null,
    failure: job.failure === undefined ? null : JSON.stringify(job.failure),
    failed_hosts: job.failedHosts === undefined ? null : JSON.stringify(job.failedHosts),
    waits_for: job.waitsFor === undefined ? null : JSON.stringify(job.waitsFor),
    followed: job.isFollowed ? 1 : null,
    deadline_ms: job.deadlineMs ?? null,
    waits: job.waits === undefined ? null : JSON.stringify(job.waits),
    gang_id: job.gangId ?? null,
    audit_id: job.auditId ?? null,
    submitted_at_ms: job.submittedAtMs,
    started_at_ms: job.startedAtMs ?? null,
    finished_at_ms: job.finishedAtMs ?? null,
    result: job.result === undefined ? null : JSON.stringify(job.result),
  };
}

function fromRow(row: JobRow): JobRecord {
  return {
    id: row.id,
    position: row.position,
    name: row.name,
    owner: row.owner ?? "local",
    driver: row.driver,
    spec: plain(row.spec),
    specDigest: row.spec_digest as Digest,
    attemptsMax: row.attempts_max,
    state: row.state,
    runId: row.run_id,
    epoch: row.epoch,
    host: row.host,
    country: row.country,
    decisionId: row.decision_id,
    ...(row.cancel_reason === null ? {} : { cancelReason: row.cancel_reason }),
    ...(row.failure === null ? {} : { failure: JSON.parse(row.failure) }),
    ...(row.failed_hosts === null ? {} : { failedHosts: JSON.parse(row.failed_hosts) }),
    ...(row.waits_for === null ? {} : { waitsFor: JSON.parse(row.waits_for) }),
    ...(row.followed === null ? {} : { isFollowed: true }),
    ...(row.deadline_ms === null ? {} : { deadlineMs: row.deadline_ms }),
    ...(row.waits === null ? {} : { waits: JSON.parse(row.waits) }),
    ...(row.gang_id === null ? {} : { gangId: row.gang_id }),
    ...(row.audit_id === null ? {} : { auditId: row.audit_id }),
    submittedAtMs: row.submitted_at_ms,
    ...(row.started_at_ms === null ? {} : { startedAtMs: row.started_at_ms }),
    ...(row.finished_at_ms === null ? {} : { finishedAtMs: row.finished_at_ms }),
    ...(row.result === null ? {} : { result: JSON.parse(row.result) }),
  };
}
