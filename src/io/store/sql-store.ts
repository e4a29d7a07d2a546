/** The coordinator's store over SQL: which database, its tables, and how works are committed. */
import { type Kysely, sql } from "kysely";
import { Commits } from "./commits.js";
import type { CoordinatorStore, StoreTables } from "./coordinator-store.js";
import type { Database } from "./database.js";
import { openPostgres } from "./postgres.js";
import { isPostgresAddress } from "./postgres-address.js";
import type { Schema } from "./schema.js";
import { dataUseTable } from "./sql-data-uses.js";
import { dataSetTable, hostTable, runLogTable } from "./sql-fleet.js";
import { decisionTable, jobTable, paperTable, submissionTable } from "./sql-jobs.js";
import { leaderTable } from "./sql-leader.js";
import { logFileTable } from "./sql-log.js";
import { policySetTable } from "./sql-policy.js";
import { logIndexTable, receiptTable, runTable } from "./sql-runs.js";
import { openSqlite } from "./sqlite.js";

/**
 * Opens the store at a `postgres://` address, in the file of this path, or in memory for
 * `:memory:`; applies what schema steps are missing.
 */
export async function openCoordinatorStore(where: string): Promise<CoordinatorStore> {
  const database = isPostgresAddress(where) ? await openPostgres(where) : await openSqlite(where);
  const tablesOf = (db: Kysely<Schema>) => tables(db, database);
  const commits = new Commits(database, tablesOf);
  return {
    ...tablesOf(database.db),
    transact: (work) => commits.run(work),
    async check() {
      if (database.silence !== undefined) throw database.silence;
      await sql`select 1`.execute(database.db);
    },
    async close() {
      database.ending();
      await commits.idle();
      await database.close();
    },
  };
}

function tables(db: Kysely<Schema>, { dialect }: Database): StoreTables {
  return {
    jobs: jobTable(db),
    runs: runTable(db),
    hosts: hostTable(db),
    dataSets: dataSetTable(db),
    decisions: decisionTable(db),
    papers: paperTable(db),
    receipts: receiptTable(db),
    submissions: submissionTable(db),
    runLogs: runLogTable(db),
    logIndex: logIndexTable(db),
    leader: leaderTable(db, dialect),
    logFiles: logFileTable(db),
    policySets: policySetTable(db),
    dataUses: dataUseTable(db),
  };
}
