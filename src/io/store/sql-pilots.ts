/** Pilots that were asked for, in SQL. */
import type { Kysely } from "kysely";
import type { PilotTable } from "./coordinator-store.js";
import type { PilotRecord } from "./records.js";
import type { PilotRow, Schema } from "./schema.js";
import { plain } from "./sql-jobs.js";

export function pilotTable(db: Kysely<Schema>): PilotTable {
  const all = () => db.selectFrom("pilots").selectAll();
  return {
    async insert(pilot) {
      await db.insertInto("pilots").values(toRow(pilot)).execute();
    },
    async update(pilot) {
      await db.updateTable("pilots").set(toRow(pilot)).where("id", "=", pilot.id).execute();
    },
    async get(id) {
      const row = await all().where("id", "=", id).executeTakeFirst();
      return row === undefined ? undefined : fromRow(row);
    },
    async living() {
      return inOrder(await all().where("stage", "<>", "ended").execute());
    },
    async livingOn(host) {
      const row = await all()
        .where("host", "=", host)
        .where("stage", "<>", "ended")
        .executeTakeFirst();
      return row === undefined ? undefined : fromRow(row);
    },
    async endedSince(atMs) {
      return inOrder(await all().where("ended_at_ms", ">=", atMs).execute());
    },
  };
}

function inOrder(rows: readonly PilotRow[]): readonly PilotRecord[] {
  return rows.map(fromRow).sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
}

function toRow({ id, offer, host, stage, ...rest }: PilotRecord): PilotRow {
  const { tokenDigest, receiptKey, ...facts } = rest;
  return {
    ...{ id, offer, host, stage },
    token_digest: tokenDigest,
    receipt_key: receiptKey ?? null,
    facts: JSON.stringify(facts),
    ended_at_ms: rest.endedAtMs ?? null,
  };
}

function fromRow({ id, offer, host, stage, ...row }: PilotRow): PilotRecord {
  const facts = JSON.parse(row.facts) as Omit<PilotRecord, "id" | "offer" | "host" | "stage">;
  return {
    ...facts,
    ...{ id, offer, host, stage },
    tokenDigest: row.token_digest as PilotRecord["tokenDigest"],
    ...(row.receipt_key === null ? {} : { receiptKey: plain(row.receipt_key) }),
  };
}
