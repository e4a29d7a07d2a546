/**
 * The coordinator's store over SQL. Works that wait at the same moment share one commit: each runs
 * under a savepoint of its own, so one that throws takes nothing of the others with it.
 */
import { type Kysely, sql } from "kysely";
import type { CoordinatorStore, StoreTables } from "./coordinator-store.js";
import type { Schema } from "./schema.js";
import { dataSetTable, hostTable, runLogTable } from "./sql-fleet.js";
import { decisionTable, jobTable, paperTable, submissionTable } from "./sql-jobs.js";
import { logIndexTable, receiptTable, runTable } from "./sql-runs.js";
import { explainDatabase, openSqlite } from "./sqlite.js";

/**
 * Opens the store in this file, or in memory for `:memory:`; applies what schema steps are missing.
 */
export async function openCoordinatorStore(path: string): Promise<CoordinatorStore> {
  const db = await openSqlite(path);
  const commits = new Commits(db);
  return {
    ...tablesOf(db),
    transact: (work) => commits.run(work),
    async close() {
      await commits.idle();
      await db.destroy();
    },
  };
}

function tablesOf(db: Kysely<Schema>): StoreTables {
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
  };
}

/** Works that one commit carries at most, so that none waits long behind the others. */
const worksPerCommitMax = 128;

interface Waiting {
  readonly work: (tables: StoreTables) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

class Commits {
  readonly #db: Kysely<Schema>;
  readonly #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  run<T>(work: (tables: StoreTables) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as Waiting["resolve"], reject });
      this.#draining ??= this.#drain();
    });
  }

  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // whoever asks in this same turn joins the first commit
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, worksPerCommitMax);
      try {
        const outcomes = await this.#commit(batch);
        // The commit is on disk. Only now may anyone be told.
        for (const [index, { resolve, reject }] of batch.entries()) {
          const outcome = outcomes[index] as Outcome;
          if ("error" in outcome) reject(outcome.error);
          else resolve(outcome.value);
        }
      } catch (error) {
        const told = explainDatabase(error, "the database refused a commit");
        for (const { reject } of batch) reject(told);
      }
    }
    this.#draining = undefined;
  }

  async #commit(batch: readonly Waiting[]): Promise<readonly Outcome[]> {
    return await this.#db.transaction().execute(async (transaction) => {
      const tables = tablesOf(transaction);
      const outcomes: Outcome[] = [];
      for (const { work } of batch) {
        await sql`savepoint work`.execute(transaction);
        try {
          const value = await work(tables);
          await sql`release savepoint work`.execute(transaction);
          outcomes.push({ value });
        } catch (error) {
          await sql`rollback to savepoint work`.execute(transaction);
          await sql`release savepoint work`.execute(transaction);
          outcomes.push({ error: explainDatabase(error, "the database refused a change") });
        }
      }
      return outcomes;
    });
  }
}
