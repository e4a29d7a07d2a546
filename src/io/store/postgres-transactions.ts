/**
 * Serialisable transactions, each of them done once or not at all, and its caller told which.
 *
 * A transaction that lost against one beside it is run again after a pause. One whose commit was
 * sent and not answered may have happened or not: so each commit also counts up a number that
 * belongs to this opener alone. When the database answers again it is asked for that number, and the
 * number is moved on in the same step, so that the lost commit cannot happen any more if it has not.
 * Until then its caller waits: nobody could act upon "perhaps".
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Kysely, sql } from "kysely";
import { QuipuError } from "../../base/errors.js";
import { explainDatabase, isSerialisationFailure, sqlState } from "./explain-database.js";
import type { Schema } from "./schema.js";

const attemptsMax = 12;
const pauseMsMin = 4;
const pauseMsMax = 500;

/** Carries what the body answered, should the commit turn out to have happened. */
class CommitInDoubt extends Error {
  constructor(
    readonly value: unknown,
    override readonly cause: unknown,
  ) {
    super("the answer to a commit was lost");
  }
}

export class PostgresTransactions {
  readonly #db: Kysely<Schema>;
  readonly #opener = randomUUID();
  /** Commits that this opener has tried; the database has the number of the last that happened. */
  #commits = 0;
  #silence: QuipuError | undefined;
  #ending = false;

  private constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  static async open(db: Kysely<Schema>): Promise<PostgresTransactions> {
    const transactions = new PostgresTransactions(db);
    const row = { id: transactions.#opener, commits: 0 };
    await db.insertInto("store_openers").values(row).execute();
    return transactions;
  }

  get silence(): QuipuError | undefined {
    return this.#silence;
  }

  ending(): void {
    this.#ending = true;
  }

  /** Forgets this opener. After a crash its row stays, which costs a few bytes and nothing else. */
  async close(): Promise<void> {
    const mine = this.#db.deleteFrom("store_openers").where("id", "=", this.#opener);
    await mine.execute().catch(() => undefined);
  }

  async run<T>(body: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#db.connection().execute((connection) => this.#once(connection, body));
      } catch (error) {
        if (error instanceof CommitInDoubt) {
          if (await this.#happened(error.cause)) return error.value as T;
        } else if (!isSerialisationFailure(error)) {
          throw error;
        }
        if (attempt === attemptsMax) {
          const cause = error instanceof CommitInDoubt ? error.cause : error;
          throw explainDatabase(cause, "the database refused a commit");
        }
        await pause(attempt);
      }
    }
  }

  async #once<T>(connection: Kysely<Schema>, body: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    await sql`begin isolation level serializable`.execute(connection);
    let value: T;
    try {
      value = await body(connection);
    } catch (error) {
      // Where this fails too the connection is closed, and the server rolls back by itself.
      await sql`rollback`.execute(connection).catch(() => undefined);
      throw error;
    }
    this.#commits += 1;
    try {
      await this.#count(this.#commits, sql`; commit`).execute(connection);
    } catch (error) {
      await sql`rollback`.execute(connection).catch(() => undefined);
      throw isRefusal(error) ? error : new CommitInDoubt(value, error);
    }
    return value;
  }

  /** One message to the server: no prepared statement takes two, so the values are literals. */
  #count(commits: number, end: ReturnType<typeof sql>) {
    const [number, opener] = [sql.lit(commits), sql.lit(this.#opener)];
    return sql`update store_openers set commits = ${number} where id = ${opener}${end}`;
  }

  /**
   * Whether the commit of the newest number happened; if not, it never will: the number it would
   * have to change has been changed since it began, which a serialisable transaction does not
   * survive. Each step may be done twice. A server that still works on that commit makes us wait.
   */
  async #happened(lost: unknown): Promise<boolean> {
    const asked = this.#commits;
    this.#commits += 1; // the number that says "no"
    this.#silence = silent(lost);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const unchanged = sql` and commits < ${sql.lit(asked)}`;
        await this.#count(this.#commits, unchanged).execute(this.#db);
        const { commits } = await this.#db
          .selectFrom("store_openers")
          .select("commits")
          .where("id", "=", this.#opener)
          .executeTakeFirstOrThrow();
        this.#silence = undefined;
        return commits === asked;
      } catch (error) {
        if (this.#ending) throw unknownOutcome(error);
        await pause(attempt);
      }
    }
  }
}

/** The server said no, and why: nothing was kept. Every other error leaves it open. */
function isRefusal(error: unknown): boolean {
  const state = sqlState(error) ?? "";
  return isSerialisationFailure(error) || /^(22|23|25|42)/.test(state);
}

function silent(cause: unknown): QuipuError {
  const { message } = explainDatabase(cause, "a commit");
  return new QuipuError("UNAVAILABLE", `the database does not answer about a commit: ${message}`, {
    next: "try again in a moment; if it lasts, see that the database runs and can be reached",
    cause,
  });
}

function unknownOutcome(cause: unknown): QuipuError {
  const text = "the database stopped answering in mid-commit, and this program ends";
  return new QuipuError("UNAVAILABLE", `${text}: what was asked may have been done or not`, {
    next: "look whether it was done before asking again",
    details: { outcome: "unknown" },
    cause,
  });
}

/** Grows with each attempt; random, so that two that collided do not collide again. */
async function pause(attempt: number): Promise<void> {
  const longest = Math.min(pauseMsMax, pauseMsMin * 2 ** attempt);
  await sleep(longest * (0.5 + Math.random() / 2));
}
