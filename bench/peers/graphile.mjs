/**
 * graphile-worker on a PostgreSQL, with a task that does nothing: jobs a second all at once, and the
 * milliseconds of single ones. Prints one JSON line; `bench/dispatch.ts` runs it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";

const [connectionString = "", way = "usual", bulk = "1024", singles = "200"] =
  process.argv.slice(2);
const logger = new Logger(() => () => undefined);
/** Its performance notes advise batches out of the database and back into it, where crashes may repeat work. */
const batches = { localQueue: { size: 256 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
const runner = await run({
  connectionString,
  logger,
  noHandleSignals: true,
  preset: {
    worker: {
      concurrentJobs: 64,
      maxPoolSize: 12,
      pollInterval: 2000,
      ...(way === "batches" ? batches : {}),
    },
  },
  taskList: { nothing: async () => {} },
});
const utils = await makeWorkerUtils({ connectionString, logger });
const client = new pg.Client({ connectionString });
await client.connect();

/** Milliseconds until they are all gone from its table: that is what it calls done, durably. */
async function jobs(count) {
  const start = performance.now();
  for (let at = 0; at < count; at += 256) {
    const some = Array.from({ length: Math.min(256, count - at) }, () => ({
      identifier: "nothing",
      payload: {},
    }));
    if (count === 1) await utils.addJob("nothing", {});
    else await utils.addJobs(some);
  }
  const left = "select 1 from graphile_worker._private_jobs limit 1";
  while ((await client.query(left)).rowCount > 0) await delay(count === 1 ? 0 : 2);
  return performance.now() - start;
}

await jobs(256);
const perSecond = (1000 * Number(bulk)) / (await jobs(Number(bulk)));
const times = [];
for (let i = 0; i < Number(singles); i += 1) times.push(await jobs(1));
console.log(JSON.stringify({ perSecond, times }));
await client.end();
await utils.release();
await runner.stop();
process.exit(0);
