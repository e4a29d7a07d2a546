/**
 * The works of one transaction as one: the rows that jobs go through again and again (their own, their
 * runs', decisions' and receipts') are read once and written together. Every other table is the
 * database's own.
 */
import type { Kysely } from "kysely";
import { Changes } from "./changes.js";
import type { StoreTables } from "./coordinator-store.js";
import type { Database } from "./database.js";
import type { JobRecord, ReceiptRecord, RunRecord } from "./records.js";
import { RowMemory } from "./row-memory.js";
import { RowSet } from "./row-set.js";
import type { Schema } from "./schema.js";
import { auditTable } from "./sql-audits.js";
import { dataUseTable } from "./sql-data-uses.js";
import { DecisionSet } from "./sql-decisions.js";
import { dataSetTable, hostTable, runLogTable } from "./sql-fleet.js";
import { jobLinkTable } from "./sql-job-links.js";
import { jobQueries, jobRows, paperTable, submissionTable } from "./sql-jobs.js";
import { leaderTable } from "./sql-leader.js";
import { logFileTable } from "./sql-log.js";
import { noticeTable } from "./sql-notices.js";
import { pilotTable } from "./sql-pilots.js";
import { policySetTable } from "./sql-policy.js";
import { quotaTable } from "./sql-quotas.js";
import { logIndexTable, receiptQueries, receiptRows, runQueries, runRows } from "./sql-runs.js";

/** What a row takes besides its bytes. */
const rowBytes = 1024;

/** Of the tables whose rows are asked for most. */
export class Memories {
  readonly jobs = new RowMemory<JobRecord>(({ spec }) => rowBytes + spec.length);
  readonly runs = new RowMemory<RunRecord>(() => rowBytes);
  readonly receipts = new RowMemory<ReceiptRecord>(({ envelope, disclosure }) => {
    return rowBytes + envelope.length + (disclosure?.envelope.length ?? 0);
  });

  open(isOpen: boolean): void {
    for (const memory of [this.jobs, this.runs, this.receipts]) memory.open(isOpen);
  }
}

export class Unit {
  readonly tables: StoreTables;
  readonly #changes = new Changes();
  readonly #jobs: RowSet<JobRecord>;
  readonly #runs: RowSet<RunRecord>;
  readonly #receipts: RowSet<ReceiptRecord>;
  readonly #decisions: DecisionSet;

  /** Without memories every row is the database's. */
  constructor(db: Kysely<Schema>, { dialect }: Database, memories?: Memories) {
    this.#jobs = new RowSet(jobRows(db), this.#changes, memories?.jobs);
    this.#runs = new RowSet(runRows(db), this.#changes, memories?.runs);
    this.#receipts = new RowSet(receiptRows(db), this.#changes, memories?.receipts);
    this.#decisions = new DecisionSet(db, this.#changes);
    const counted = db.withPlugin(this.#changes);
    this.tables = {
      jobs: this.#jobTable(db),
      runs: this.#runTable(db),
      receipts: this.#receiptTable(db),
      decisions: this.#decisions,
      hosts: hostTable(counted),
      dataSets: dataSetTable(counted),
      papers: paperTable(counted),
      submissions: submissionTable(counted),
      jobLinks: jobLinkTable(counted),
      runLogs: runLogTable(counted),
      logIndex: logIndexTable(counted),
      leader: leaderTable(counted, dialect),
      logFiles: logFileTable(counted),
      policySets: policySetTable(counted),
      dataUses: dataUseTable(counted),
      pilots: pilotTable(counted),
      notices: noticeTable(counted),
      quotas: quotaTable(counted),
      audits: auditTable(counted),
    };
  }

  /** Grows whenever a work changes something. */
  get changes(): number {
    return this.#changes.count;
  }

  /** In the order that foreign keys ask for. */
  async flush(): Promise<void> {
    for (const set of [this.#jobs, this.#decisions, this.#runs, this.#receipts]) await set.flush();
  }

  committed({ jobs, runs, receipts }: Memories): void {
    this.#jobs.committed(jobs);
    this.#runs.committed(runs);
    this.#receipts.committed(receipts);
  }

  /** Questions that are no row's key see what was written before them. */
  #asked<Queries extends object>(queries: Queries): Queries {
    const asked = Object.entries(queries).map(([name, query]) => {
      return [
        name,
        async (...given: unknown[]) => {
          await this.flush();
          return await (query as (...given: unknown[]) => Promise<unknown>)(...given);
        },
      ];
    });
    return Object.fromEntries(asked) as Queries;
  }

  #jobTable(db: Kysely<Schema>): StoreTables["jobs"] {
    return {
      ...this.#asked(jobQueries(db)),
      insert: async (jobs) => {
        for (const job of jobs) this.#jobs.insert(job);
      },
      get: (id) => this.#jobs.get(id),
      expect: (ids) => this.#jobs.expect(ids),
      update: (job) => this.#jobs.update(job.id, () => job),
    };
  }

  #runTable(db: Kysely<Schema>): StoreTables["runs"] {
    return {
      ...this.#asked(runQueries(db)),
      insert: async (run) => this.#runs.insert(run),
      get: (id) => this.#runs.get(id),
      update: (id, change) => this.#runs.update(id, (run) => ({ ...run, ...change })),
    };
  }

  #receiptTable(db: Kysely<Schema>): StoreTables["receipts"] {
    return {
      ...this.#asked(receiptQueries(db)),
      insert: async (receipt) => this.#receipts.insert(receipt),
      get: (runId) => this.#receipts.get(runId),
      erase: (runId) =>
        this.#receipts.update(runId, ({ disclosure: _, ...receipt }) => ({
          ...receipt,
          envelope: new Uint8Array(),
        })),
      setLogged: (runId, logIndex) =>
        this.#receipts.update(runId, (receipt) => ({ ...receipt, stage: "logged", logIndex })),
    };
  }
}
