/**
 * Works that wait at the same moment share one commit, so that the price of a sync is paid once for
 * many. They run one after another without any mark between them; only when one of them throws are
 * they all run again, each under a savepoint, so that it takes nothing of the others with it.
 */
import { type Kysely, sql } from "kysely";
import type { StoreTables } from "./coordinator-store.js";
import type { Database } from "./database.js";
import { explainDatabase, isSerialisationFailure } from "./explain-database.js";
import type { Schema } from "./schema.js";

/** Works that one commit carries at most, so that none waits long behind the others. */
const worksPerCommitMax = 128;

type Work = (tables: StoreTables) => Promise<unknown>;

interface Waiting {
  readonly work: Work;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Ends a commit without savepoints: one of its works threw. */
class WorkThrew extends Error {}

export class Commits {
  readonly #database: Database;
  readonly #tablesOf: (db: Kysely<Schema>) => StoreTables;
  readonly #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;

  constructor(database: Database, tablesOf: (db: Kysely<Schema>) => StoreTables) {
    this.#database = database;
    this.#tablesOf = tablesOf;
  }

  run<T>(work: (tables: StoreTables) => Promise<T>): Promise<T> {
    const { silence } = this.#database;
    if (silence !== undefined) return Promise.reject(silence);
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
        const outcomes = await this.#commit(batch.map(({ work }) => work));
        // The commit is on disk. Only now may anyone be told.
        for (const [index, { resolve, reject }] of batch.entries()) {
          const outcome = outcomes[index] as Outcome;
          if ("error" in outcome) reject(outcome.error);
          else resolve(outcome.value);
        }
      } catch (error) {
        const told = explainDatabase(error, "the database refused a change");
        for (const { reject } of batch) reject(told);
      }
    }
    this.#draining = undefined;
  }

  async #commit(works: readonly Work[]): Promise<readonly Outcome[]> {
    const [alone, ...others] = works;
    if (alone !== undefined && others.length === 0) {
      return await this.#database.transaction(async (db) => [
        { value: await alone(this.#tablesOf(db)) },
      ]);
    }
    try {
      return await this.#database.transaction((db) => runPlainly(works, this.#tablesOf(db)));
    } catch (error) {
      if (!(error instanceof WorkThrew)) throw error;
      return await this.#database.transaction((db) => runApart(works, this.#tablesOf, db));
    }
  }
}

async function runPlainly(works: readonly Work[], tables: StoreTables): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const work of works) {
    try {
      outcomes.push({ value: await work(tables) });
    } catch (error) {
      throw isSerialisationFailure(error) ? error : new WorkThrew();
    }
  }
  return outcomes;
}

async function runApart(
  works: readonly Work[],
  tablesOf: (db: Kysely<Schema>) => StoreTables,
  db: Kysely<Schema>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const work of works) {
    await sql`savepoint work`.execute(db);
    try {
      const value = await work(tablesOf(db));
      await sql`release savepoint work`.execute(db);
      outcomes.push({ value });
    } catch (error) {
      if (isSerialisationFailure(error)) throw error; // the whole transaction is run again
      await sql`rollback to savepoint work`.execute(db);
      await sql`release savepoint work`.execute(db);
      outcomes.push({ error: explainDatabase(error, "the database refused a change") });
    }
  }
  return outcomes;
}
