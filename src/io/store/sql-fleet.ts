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
      return (await db.selectFrom("hosts").selectAll().orderBy("name").execute()).map(toHost);
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
      const rows = await db.selectFrom("data_sets").selectAll().orderBy("name").execute();
      return rows.map(toDataSet);
    },
  };
}

export function runLogTable(db: Kysely<Schema>): RunLogTable {
  return {
    async append(runId, lines, bytesMax) {
      const kept = await db
        .selectFrom("run_log_lines")
        .select(["sequence", "size_bytes"])
        .where("run_id", "=", runId)
        .orderBy("sequence")
        .execute();
      let sequence = kept.at(-1)?.sequence ?? 0;
      let total = kept.reduce((sum, row) => sum + row.size_bytes, 0);
      for (const line of lines) {
        sequence += 1;
        const size_bytes = Buffer.byteLength(line);
        const row = { run_id: runId, sequence, line, size_bytes };
        await db.insertInto("run_log_lines").values(row).execute();
        kept.push(row);
        total += size_bytes;
      }
      let droppedTo = 0;
      for (const row of kept) {
        if (total <= bytesMax) break;
        total -= row.size_bytes;
        droppedTo = row.sequence;
      }
      if (droppedTo === 0) return;
      await db
        .deleteFrom("run_log_lines")
        .where("run_id", "=", runId)
        .where("sequence", "<=", droppedTo)
        .execute();
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
