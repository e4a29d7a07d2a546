/**
 * What durable work costs the coordinator: commits a second when each waits for the one before, and
 * works a second when many wait at once, on SQLite and on a PostgreSQL of its own on the same disk.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CoordinatorStore, ledStore } from "../src/io/store/coordinator-store.js";
import { openCoordinatorStore } from "../src/io/store/sql-store.js";
import { PostgresServer } from "../test/postgres-server.js";
import { rate, syncs } from "./disk.js";
import type { RunOptions } from "./harness.js";
import type { Said } from "./result.js";
import { print, record } from "./table.js";

const together = 128;
const digest = `sha256:${"a".repeat(64)}` as const;

const line = (name: string, perSecond: number): Said => ({
  name,
  said: `${Math.round(perSecond).toLocaleString("en")} a second`,
});

/** One row looked up and one inserted: about what each step of a run writes. */
async function measure(name: string, store: CoordinatorStore): Promise<Said[]> {
  let made = 0;
  const prefix = `${name}-${process.pid}`;
  const work = (): Promise<void> => {
    const key = `${prefix}-${made++}`;
    return store.transact(async ({ submissions }) => {
      if ((await submissions.get(key)) !== undefined) throw new Error("a key was given twice");
      await submissions.insert({ key, digest, jobIds: [] });
    });
  };
  return [
    line(`${name}, commits one after another`, await rate(1, work)),
    line(`${name}, works, ${together} at once`, await rate(together, work)),
  ];
}

export async function run({ only, pairs }: RunOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "quipu-store-"));
  const server = await PostgresServer.start();
  try {
    const results = [line("appends of 8 KiB, each synced", await syncs(folder))];
    const embedded = await openCoordinatorStore(join(folder, "store.db"));
    results.push(...(await measure("SQLite", embedded)));
    await embedded.close();
    if (server === undefined) {
      results.push({ name: "PostgreSQL", said: "not installed (Debian: postgresql-15)" });
    } else {
      const store = await openCoordinatorStore(server.newDatabase());
      results.push(...(await measure("PostgreSQL", store)));
      const claim = { holder: "bench", leaseMs: 3_600_000, address: "", keys: "" };
      const { epoch } = await store.transact(({ leader }) => leader.take(claim));
      results.push(...(await measure("PostgreSQL, fenced", ledStore(store, epoch))));
      await store.close();
    }
    print("store", results);
    if (only.length === 0 && pairs === undefined) record("store", results);
  } finally {
    await server?.close();
    rmSync(folder, { recursive: true });
  }
}
