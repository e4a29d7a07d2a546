/** All that the two databases call by different names; everything else in this room is written once. */
import { type RawBuilder, sql } from "kysely";

export interface Dialect {
  /** Column type of bytes. */
  readonly bytes: RawBuilder<Uint8Array>;
  /** The database's own clock, in milliseconds of wall time. */
  readonly nowMs: RawBuilder<number>;
  /** Ends a select whose row nobody may change until this transaction ends. */
  readonly forUpdate: RawBuilder<unknown>;
}

export const sqliteDialect: Dialect = Object.freeze({
  bytes: sql<Uint8Array>`blob`,
  nowMs: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
  forUpdate: sql``, // one transaction at a time anyway
});

export const postgresDialect: Dialect = Object.freeze({
  bytes: sql<Uint8Array>`bytea`,
  nowMs: sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
  forUpdate: sql`for update`,
});
