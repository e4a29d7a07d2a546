/** A coordinator that dies at each write that concerns a pilot, before it and after it. */
import t from "tap";
import { QuipuError } from "../src/base/errors.js";
import type { StoreTables } from "../src/io/store/coordinator-store.js";
import { BurstWorld, publicOffer } from "./burst-world.js";
import type { CoordinatorWorld } from "./coordinator-world.js";

t.setTimeout(120_000);

t.test("a crash at any write, before or after it, loses no job and leaves no pilot", async (t) => {
  for (const isWritten of [false, true]) {
    for (let at = 0; ; at += 1) {
      const world = await BurstWorld.open(publicOffer);
      const crash = crashAt(world.fleet, at, isWritten);
      const id = await world.fleet.one();
      await liveOn(world, crash, id);
      const what = `write ${at} ${isWritten ? "kept" : "not kept"}`;
      t.equal(await world.fleet.state(id), "succeeded", what);
      t.same(await world.fleet.store.pilots.living(), [], what);
      t.equal(world.provider().running.size, 0, what);
      t.ok((await world.pilots()).length <= 2, what);
      if (!crash.happened) break;
      t.ok(at < 40, "it comes to an end");
    }
  }
});

interface Crash {
  happened: boolean;
  due: boolean;
}

/** From now on the write with this number, of those that concern pilots or hosts, is the last. */
function crashAt(fleet: CoordinatorWorld, at: number, isWritten: boolean): Crash {
  const crash: Crash = { happened: false, due: false };
  const dead = new QuipuError("IO", "the process is dead");
  const { store } = fleet;
  let count = 0;
  const transact = async <T>(work: (tables: StoreTables) => Promise<T>): Promise<T> => {
    let isOurs = false;
    const watched = <Table extends object>(table: Table): Table =>
      new Proxy(table, {
        get: (target, name) => {
          isOurs ||= name === "put" || name === "insert" || name === "update";
          return Reflect.get(target, name) as unknown;
        },
      });
    const isLast = () => isOurs && !crash.happened && count === at;
    if (crash.due) throw dead;
    const settled = await Promise.allSettled([
      store.transact(async ({ pilots, hosts, ...tables }) => {
        const made = await work({ ...tables, pilots: watched(pilots), hosts: watched(hosts) });
        if (isLast() && !isWritten) throw dead;
        return made;
      }),
    ]);
    if (isLast()) Object.assign(crash, { happened: true, due: true });
    if (isOurs) count += 1;
    if (crash.due) throw dead; // whatever was written, nobody is told
    const [outcome] = settled;
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  };
  fleet.store = { ...store, transact };
  return crash;
}

/** Agents and time go on until all is done; a process that died is started anew. */
async function liveOn(world: BurstWorld, crash: Crash, jobId: string): Promise<void> {
  const begin = async () => {
    crash.due = false;
    await world.fleet.start().catch(() => undefined);
  };
  await begin(); // over the store that crashes
  const agents = new Map<string, ReturnType<BurstWorld["agent"]>>();
  const done = new Set<unknown>();
  for (let second = 0; second < 150; second += 1) {
    const [isDone, living] = [
      await world.fleet.state(jobId),
      await world.fleet.store.pilots.living(),
    ];
    if (isDone === "succeeded" && living.length === 0 && !crash.due) return;
    await world.pass(1);
    if (crash.due) {
      await begin();
      for (const agent of agents.values()) agent.closed = true;
    }
    for (const [id, order] of world.provider().running) {
      const agent = agents.get(id) ?? world.agent(order);
      if (!agents.has(id) || agent.closed) await agent.attach();
      agents.set(id, agent);
      const assign = agent.all("assign").at(-1);
      if (assign !== undefined && !done.has(assign.runId)) await agent.report(agent.seal());
      if (agent.ack?.accepted === true) done.add(assign?.runId);
    }
    for (const [id, agent] of agents) if (!world.provider().running.has(id)) agent.leave();
  }
}
