/** Hosts, data sets and the log lines of runs, in SQL. */
import type { Kysely } from "kysely";
import type { DataSetTable, HostTable, RunLogTable } from "./coordinator-store.js";
import type { DataSetRecord, HostRecord } from "./records.js";
import type { DataSetRow, HostRow, Schema } from "./schema.js";
import { plain } from "./sql-jobs.js";

export function hostTable(db: Kysely<Schema>): HostTable {
  return {
    async put({ name, inventory, receiptKey, lastSeenAtMs, ...facts }) {
      const change = {
        facts: JSON.stringify(facts),
        inventory,
        receipt_key: receiptKey,
        last_seen_at_ms: lastSeenAtMs,
      };
      await db
        .insertInto("hosts")
        .values({ name, ...change })
        .onConflict((conflict) => conflict.column("name").doUpdateSet(change))
        .execute();
    },
    async get(name) {
      const row = await db
        .selectFrom("hosts")
        .selectAll()
        .where("name", "=", name)
        .executeTakeFirst();
      return row === undefined ? undefined : toHost(row);
    },
    async all() {
      return (await db.selectFrom("hosts").selectAll().execute()).sort(byName).map(toHost);
    },
    async delete(name) {
      await db.deleteFrom("hosts").where("name", "=", name).execute();
    },
  };
}

export function dataSetTable(db: Kysely<Schema>): DataSetTable {
  return {
    async insert({ facts, registeredAtMs }) {
      const row = { name: facts.name, facts: JSON.stringify(facts) };
      await db
        .insertInto("data_sets")
        .values({ ...row, registered_at_ms: registeredAtMs })
        .execute();
    },
    async get(name) {
      const row = await db
        .selectFrom("data_sets")
        .selectAll()
        .where("name", "=", name)
        .executeTakeFirst();
      return row === undefined ? undefined : toDataSet(row);
    },
    async all() {
      return (await db.selectFrom("data_sets").selectAll().execute()).sort(byName).map(toDataSet);
    },
  };
}

export function runLogTable(db: Kysely<Schema>): RunLogTable {
  return {
    async append(runId, lines, bytesMax) {
      const kept = await db
        .selectFrom("run_log_lines")
        .select((column) => [
          column.fn.max("sequence").as("last"),
          column.fn.sum("size_bytes").as("total"),
        ])
        .where("run_id", "=", runId)
        .executeTakeFirst();
      const last = Number(kept?.last ?? 0);
      const rows = lines.map((line, i) => {
        const size_bytes = Buffer.byteLength(line) + 1; // its line end, so that empty lines count
        return { run_id: runId, sequence: last + i + 1, line, size_bytes };
      });
      if (rows.length > 0) await db.insertInto("run_log_lines").values(rows).execute();
      let total = Number(kept?.total ?? 0) + rows.reduce((sum, row) => sum + row.size_bytes, 0);
      while (total > bytesMax) total -= await dropOldest(db, runId, total - bytesMax);
    },
    async read(runId, after) {
      const rows = await db
        .selectFrom("run_log_lines")
        .select(["sequence", "line"])
        .where("run_id", "=", runId)
        .where("sequence", ">", after)
        .orderBy("sequence")
        .execute();
      return { lines: rows.map((row) => row.line), last: rows.at(-1)?.sequence ?? after };
    },
  };
}

const linesPerDropMax = 256;

/**
 * Drops oldest lines of at least `bytes`, or as many as one look covers; answers what it dropped.
 */
async function dropOldest(db: Kysely<Schema>, runId: string, bytes: number): Promise<number> {
  const oldest = await db
    .selectFrom("run_log_lines")
    .select(["sequence", "size_bytes"])
    .where("run_id", "=", runId)
    .orderBy("sequence")
    .limit(linesPerDropMax)
    .execute();
  let dropped = 0;
  let last = 0;
  for (const { sequence, size_bytes } of oldest) {
    if (dropped >= bytes) break;
    dropped += size_bytes;
    last = sequence;
  }
  await db
    .deleteFrom("run_log_lines")
    .where("run_id", "=", runId)
    .where("sequence", "<=", last)
    .execute();
  return dropped;
}

/** Not the database's order of texts, which is another one in each of them. */
function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function toHost(row: HostRow): HostRecord {
  return {
    ...(JSON.parse(row.facts) as Pick<HostRecord, "place" | "devices" | "dataSets" | "httpUrl">),
    name: row.name,
    inventory: plain(row.inventory),
    receiptKey: plain(row.receipt_key),
    lastSeenAtMs: row.last_seen_at_ms,
  };
}

function toDataSet(row: DataSetRow): DataSetRecord {
  return {
    facts: JSON.parse(row.facts) as DataSetRecord["facts"],
    registeredAtMs: row.registered_at_ms,
  };
}
