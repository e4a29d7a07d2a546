/**
 * Works that wait at the same moment share one commit, so that the price of a sync is paid once for
 * many, and one unit, so that its rows go to the database together. They run one after another without
 * any mark between them. One that throws before it has changed anything, as refusals do, leaves nothing
 * to undo. After any other fault they are all run again, each under a savepoint and with a unit of its
 * own, so that it takes nothing of the others with it.
 */
import { type Kysely, sql } from "kysely";
import { QuipuError } from "../../base/errors.js";
import type { StoreTables } from "./coordinator-store.js";
import type { Database } from "./database.js";
import { explainDatabase, isSerialisationFailure } from "./explain-database.js";
import type { Schema } from "./schema.js";
import { type Memories, Unit } from "./unit.js";

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
  readonly #memories: Memories;
  readonly #waiting: Waiting[] = [];
  #draining: Promise<void> | undefined;

  constructor(database: Database, memories: Memories) {
    this.#database = database;
    this.#memories = memories;
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
    while (this.#waiting.length > 0) {
      await this.#gather();
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

  /** Whoever asks in this same turn joins; with a disk to wait for, all that has arrived meanwhile. */
  async #gather(): Promise<void> {
    if (this.#database.isDurable) await new Promise(setImmediate);
    else await Promise.resolve();
  }

  async #commit(works: readonly Work[]): Promise<readonly Outcome[]> {
    const [alone, ...others] = works;
    try {
      return await this.#together(works);
    } catch (error) {
      if (!(error instanceof WorkThrew)) throw error;
      if (alone !== undefined && others.length === 0) throw error.cause;
      return await this.#apart(works);
    }
  }

  async #together(works: readonly Work[]): Promise<readonly Outcome[]> {
    const { outcomes, unit } = await this.#database.transaction(async (db) => {
      const unit = new Unit(db, this.#database, this.#memories);
      return { outcomes: await runPlainly(works, unit), unit };
    });
    unit.committed(this.#memories);
    return outcomes;
  }

  async #apart(works: readonly Work[]): Promise<readonly Outcome[]> {
    const { outcomes, units } = await this.#database.transaction((db) =>
      runApart(works, db, this.#database),
    );
    for (const unit of units) unit.committed(this.#memories);
    return outcomes;
  }
}

async function runPlainly(works: readonly Work[], unit: Unit): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  try {
    for (const work of works) outcomes.push(await outcomeOf(work, unit));
    await unit.flush();
  } catch (error) {
    throw isSerialisationFailure(error) ? error : new WorkThrew("", { cause: error });
  }
  return outcomes;
}

/** Only what the work itself refuses is an outcome: an error with a cause may be the database's own. */
async function outcomeOf(work: Work, unit: Unit): Promise<Outcome> {
  const before = unit.changes;
  try {
    return { value: await work(unit.tables) };
  } catch (error) {
    const isRefusal = error instanceof QuipuError && error.cause === undefined;
    if (!isRefusal || unit.changes !== before) throw error;
    return { error };
  }
}

/** Each sees what those before it have written, so nothing here is remembered from before the first. */
async function runApart(
  works: readonly Work[],
  db: Kysely<Schema>,
  database: Database,
): Promise<{ readonly outcomes: readonly Outcome[]; readonly units: readonly Unit[] }> {
  const outcomes: Outcome[] = [];
  const units: Unit[] = [];
  for (const work of works) {
    await sql`savepoint work`.execute(db);
    try {
      const unit = new Unit(db, database);
      const value = await work(unit.tables);
      await unit.flush();
      await sql`release savepoint work`.execute(db);
      outcomes.push({ value });
      units.push(unit);
    } catch (error) {
      if (isSerialisationFailure(error)) throw error; // the whole transaction is run again
      await sql`rollback to savepoint work`.execute(db);
      await sql`release savepoint work`.execute(db);
      outcomes.push({ error: explainDatabase(error, "the database refused a change") });
    }
  }
  return { outcomes, units };
}
