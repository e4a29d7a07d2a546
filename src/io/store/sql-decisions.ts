/** Decisions, in SQL: written once, and gone when the job that waits by them has a newer one. */
import type { Kysely } from "kysely";
import type { Changes } from "./changes.js";
import type { DecisionTable } from "./coordinator-store.js";
import type { DecisionRecord } from "./records.js";
import type { Schema } from "./schema.js";
import { plain } from "./sql-jobs.js";

export async function readDecisions(
  db: Kysely<Schema>,
  ids: readonly string[],
): Promise<readonly DecisionRecord[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom("decisions").selectAll().where("id", "in", ids).execute();
  return rows.map((row) => ({ id: row.id, jobId: row.job_id, content: plain(row.content) }));
}

/** As one transaction sees them: what it writes and removes goes to the database at its end, together. */
export class DecisionSet implements DecisionTable {
  readonly #db: Kysely<Schema>;
  readonly #changes: Changes;
  readonly #inserted = new Map<string, DecisionRecord>();
  readonly #deleted = new Set<string>();

  constructor(db: Kysely<Schema>, changes: Changes) {
    this.#db = db;
    this.#changes = changes;
  }

  async insert(decision: DecisionRecord): Promise<void> {
    this.#changes.add();
    this.#inserted.set(decision.id, decision);
  }

  async get(id: string): Promise<DecisionRecord | undefined> {
    if (this.#deleted.has(id)) return undefined;
    return this.#inserted.get(id) ?? (await readDecisions(this.#db, [id]))[0];
  }

  async getAll(ids: readonly string[]): Promise<readonly DecisionRecord[]> {
    const there = ids.filter((id) => !this.#deleted.has(id) && !this.#inserted.has(id));
    const read = await readDecisions(this.#db, there);
    const own = ids.map((id) => this.#inserted.get(id)).filter((one) => one !== undefined);
    return [...own, ...read];
  }

  async delete(id: string): Promise<void> {
    this.#changes.add();
    if (!this.#inserted.delete(id)) this.#deleted.add(id);
  }

  async flush(): Promise<void> {
    const gone = [...this.#deleted];
    const rows = [...this.#inserted.values()].map(({ id, jobId, content }) => {
      return { id, job_id: jobId, content };
    });
    this.#deleted.clear();
    this.#inserted.clear();
    if (gone.length > 0) await this.#db.deleteFrom("decisions").where("id", "in", gone).execute();
    if (rows.length > 0) await this.#db.insertInto("decisions").values(rows).execute();
  }
}
