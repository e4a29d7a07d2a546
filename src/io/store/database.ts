/** A database as the rest of this room sees it; SQLite and PostgreSQL fit. */
import type { Kysely } from "kysely";
import type { QuipuError } from "../../base/errors.js";
import type { Dialect } from "./dialect.js";
import type { Schema } from "./schema.js";

export interface Database {
  readonly dialect: Dialect;
  /** Whether other processes may write to it too. */
  readonly isShared: boolean;
  /** Whether commits wait for a disk: then it pays to bring many works together. */
  readonly isDurable: boolean;
  /** Each statement by itself; sees committed rows only. */
  readonly db: Kysely<Schema>;
  /** Why the database can take no transaction now, while it is asked about a lost answer. */
  readonly silence: QuipuError | undefined;
  /**
   * Runs `body` as if alone. Resolves when all that it wrote is on disk, rejects with none of it
   * kept. `body` may be run more than once; only the last time counts. One call at a time.
   */
  transaction<T>(body: (db: Kysely<Schema>) => Promise<T>): Promise<T>;
  /** A transaction that waits for a lost answer now waits no longer than the next look. */
  ending(): void;
  close(): Promise<void>;
}
