/** The coordinator's store over SQL: which database, its tables, and how works are committed. */
import { sql } from "kysely";
import { QuipuError } from "../../base/errors.js";
import { Commits } from "./commits.js";
import type { CoordinatorStore, StoreTables } from "./coordinator-store.js";
import type { Database } from "./database.js";
import { openPostgres } from "./postgres.js";
import { isPostgresAddress } from "./postgres-address.js";
import type { RowMemory } from "./row-memory.js";
import type { Rows } from "./row-set.js";
import { readDecisions } from "./sql-decisions.js";
import { jobQueries, jobRows } from "./sql-jobs.js";
import { receiptQueries, receiptRows, runQueries, runRows } from "./sql-runs.js";
import { openSqlite } from "./sqlite.js";
import { Memories, Unit } from "./unit.js";

/**
 * Opens the store at a `postgres://` address, in the file of this path, or in memory for
 * `:memory:`; applies what schema steps are missing.
 */
export async function openCoordinatorStore(where: string): Promise<CoordinatorStore> {
  return storeOf(isPostgresAddress(where) ? await openPostgres(where) : await openSqlite(where));
}

/** Over a database that is open, and closes with the store. */
export function storeOf(database: Database): CoordinatorStore {
  const memories = new Memories();
  memories.open(!database.isShared);
  const commits = new Commits(database, memories);
  return {
    ...readers(database, memories),
    transact: (work) => commits.run(work),
    writesAlone: () => memories.open(true),
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

/** Committed rows. */
function readers(database: Database, memories: Memories): StoreTables {
  const { db } = database;
  const { jobs, runs, receipts } = memories;
  return {
    ...new Unit(db, database).tables,
    jobs: { ...jobQueries(db), ...reader(jobRows(db), jobs), expect: refused, update: refused },
    runs: { ...runQueries(db), ...reader(runRows(db), runs), update: refused },
    receipts: {
      ...receiptQueries(db),
      ...reader(receiptRows(db), receipts),
      setLogged: refused,
      erase: refused,
    },
    decisions: {
      get: async (id) => (await readDecisions(db, [id]))[0],
      getAll: (ids) => readDecisions(db, ids),
      insert: refused,
      delete: refused,
    },
  };
}

function reader<Row>(rows: Rows<Row>, memory: RowMemory<Row>) {
  const get = async (key: string) => memory.get(key) ?? (await rows.load([key]))[0];
  return { get, insert: refused };
}

function refused(): Promise<never> {
  return Promise.reject(new QuipuError("INTERNAL", "rows are written in a transaction"));
}
