/** The leader's row, in SQL. */
import { type Kysely, sql } from "kysely";
import type { LeaderTable } from "./coordinator-store.js";
import type { Dialect } from "./dialect.js";
import { type Leadership, requireLeadership, takeLeadership } from "./leader-lease.js";
import type { Schema } from "./schema.js";

/** The one row. */
const name = "coordinator";

export function leaderTable(db: Kysely<Schema>, dialect: Dialect): LeaderTable {
  const locked = async (): Promise<Leadership | undefined> => {
    const { rows } = await sql<Leadership>`
      select epoch, holder, address, keys, lease_ends_at_ms as "leaseEndsAtMs"
      from leaders where name = ${name} ${dialect.forUpdate}`.execute(db);
    return rows[0];
  };
  const nowMs = async (): Promise<number> => {
    const { rows } = await sql<{ now: number }>`select ${dialect.nowMs} as now`.execute(db);
    return rows[0]?.now ?? Number.POSITIVE_INFINITY;
  };
  const put = async ({ leaseEndsAtMs, ...said }: Leadership): Promise<void> => {
    const row = { ...said, lease_ends_at_ms: leaseEndsAtMs };
    await db
      .insertInto("leaders")
      .values({ name, ...row })
      .onConflict((conflict) => conflict.column("name").doUpdateSet(row))
      .execute();
  };
  return {
    async take(claim) {
      const before = await locked();
      const after = takeLeadership(before, claim, await nowMs());
      if (after !== before) await put(after);
      return after;
    },
    async renew(epoch, leaseMs) {
      const current = await locked();
      requireLeadership(current, epoch);
      await put({ ...current, leaseEndsAtMs: (await nowMs()) + leaseMs });
    },
    async resign(epoch) {
      const current = await locked();
      if (current?.epoch !== epoch) return;
      await put({ ...current, holder: "", address: "", leaseEndsAtMs: 0 });
    },
    async hold(epoch) {
      requireLeadership(await locked(), epoch);
    },
  };
}
