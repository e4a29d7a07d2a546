/** Five kills of the leader under load; `npm run test:soak -- --only leaders` makes a hundred. */
import t from "tap";
import { leadersFall } from "./falling-leaders.js";
import { PostgresServer } from "./postgres-server.js";

const server = await PostgresServer.start();
t.setTimeout(300_000);
t.teardown(() => server?.close());

t.test("leaders are killed under load: nothing acknowledged is lost or doubled", async (t) => {
  if (server === undefined) {
    t.ok(true, "SKIPPED: PostgreSQL is not installed (Debian: postgresql-15)", { skip: true });
    return;
  }
  const { acknowledged, changesMs } = await leadersFall(server, 5, 1);
  const longestMs = Math.max(...changesMs).toFixed(0);
  t.comment(`${acknowledged} jobs; the longest change took ${longestMs} ms`);
  t.ok(acknowledged > 5 && changesMs.length === 5);
});
