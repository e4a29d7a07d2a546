/** The agent where disks are full, entries are foreign and processes crash: one receipt a job, whatever happens. */
import fc from "fast-check";
import t from "tap";
import { RunState } from "../src/gen/quipu/v1/attach_pb.js";
import { attached, isClean, pass, updates, working } from "./agent-steps.js";
import { type Fault, type Host, leaseMs, report, settle, type World } from "./agent-world.js";

t.test("a full disk holds the sealed run in memory and drops nothing", async (t) => {
  const world = await working();
  const { host } = world;
  host.fault = (point) => (point === "spool.put" ? "full" : undefined);
  host.finish("run-1", report);
  await pass(world, leaseMs * 2);
  t.match(updates(host).at(-1)?.activity ?? "", /not yet on disk: no space left/);
  t.match(host.agent?.view.spoolTrouble ?? "", /no space left/);
  t.ok(world.placement !== undefined, "heartbeats keep its lease");
  world.send(host, world.assignment("run-8", 8));
  await pass(world, 1000);
  t.equal(host.works.size, 0, "nothing new is claimed");
  host.fault = () => undefined;
  await pass(world, 6000);
  t.same(world.logged, ["run-1"]);
  t.ok(
    updates(host).some(({ runId, state }) => runId === "run-8" && state === RunState.RUNNING),
    "the assignment that waited is claimed within its lease",
  );

  // The journal refuses: nothing starts, and the first lease ends as if nobody had come.
  const refused = await attached();
  refused.host.fault = (point) => (point === "journal.put" ? "kept" : undefined);
  refused.place(refused.host);
  await pass(refused, leaseMs + 3000);
  t.same([refused.host.works.size, refused.lost], [0, ["run-1"]]);
  refused.host.fault = () => undefined;
  await pass(refused, 6000);
  t.ok(isClean(refused.host), "an entry that was kept although the call failed is removed");
});

t.test("a spool entry that no agent wrote is set aside; its run is reported lost", async (t) => {
  const world = await working();
  const { host } = world;
  host.disconnect();
  host.finish("run-1", report);
  await settle();
  const good = host.spool.files.get("run-1.1") ?? new Uint8Array();
  host.crash();
  for (const bad of [new Uint8Array(), new Uint8Array([255, 255]), good.slice(0, 20)]) {
    const other = await working();
    other.host.crash();
    other.host.spool.files.set("run-1.1", bad);
    await other.host.start();
    other.host.connect();
    await other.flow();
    t.same([other.lost, other.logged], [["run-1"], []]);
    t.same([...other.host.spool.files.keys()], ["run-1.1.unreadable"]);
    t.equal(other.host.journal.files.size, 0);
  }
  host.spool.files.set("run-2.2", good); // whole, but not the run that its name says
  await host.start();
  host.connect();
  await world.flow();
  t.same(world.logged, ["run-1"]);
  t.same([...host.spool.files.keys()], ["run-2.2.unreadable"]);
});

t.test("a crash at each point leads to one receipt, or to LOST and another attempt", async (t) => {
  const points = ["journal.put", "runner.start", "spool.put", "journal.delete", "spool.delete"];
  for (const point of points) {
    for (const when of ["crash-before", "crash-after"] as const) {
      const world = await attached();
      const { host } = world;
      let armed = true;
      host.fault = (at) => {
        if (!armed || at !== point) return undefined;
        armed = false;
        return when;
      };
      for (let turn = 0; turn < 60 && world.logged.length === 0; turn += 1) {
        if (world.placement === undefined) world.place(host);
        await pass(world, 500);
        host.finish(undefined, report);
        await pass(world, 500);
        if (host.agent === undefined) await host.start();
        host.connect();
        await world.flow();
      }
      await pass(world, 8000);
      t.equal(world.logged.length, 1, `${point} ${when}: one receipt`);
      t.ok(isClean(host), `${point} ${when}: nothing left behind`);
      t.same(world.evidence, [], `${point} ${when}: no second receipt`);
    }
  }
});

t.test("any order of events, faults and crashes ends in one receipt a job", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(1), fc.nat(13), fc.nat(2000)), { maxLength: 120 }),
      async (steps) => {
        const world = await attached(2);
        for (const [which, action, amount] of steps) {
          const host = world.hosts[which] ?? world.host;
          await disturb(world, host, action, amount);
          await settle();
        }
        for (const host of world.hosts) host.fault = () => undefined;
        for (let turn = 0; turn === 0 || (turn < 40 && world.outcome === undefined); turn += 1) {
          for (const host of world.hosts) {
            if (host.agent === undefined) await host.start();
            host.connect();
          }
          if (world.placement === undefined && world.outcome === undefined) world.place(world.host);
          await pass(world, 1000);
          for (const host of world.hosts) host.finish(undefined, report);
        }
        await pass(world, 12_000);
        if (world.logged.length !== 1) throw new Error(`logged ${world.logged.join()}`);
        const dirty = world.hosts.filter((host) => !isClean(host));
        if (dirty.length > 0) throw new Error(`left behind on ${dirty[0]?.name}`);
      },
    ),
    { numRuns: 120 },
  );
  t.ok(true);
});

async function disturb(world: World, host: Host, action: number, amount: number): Promise<void> {
  const faults: (Fault | undefined)[] = ["full", "kept", "crash-before", "crash-after", undefined];
  if (action === 0) host.crash();
  if (action === 1 && host.agent === undefined) await host.start();
  if (action === 2) host.disconnect();
  if (action === 3) host.connect();
  if (action === 4 || action === 5) host.deliverToAgent();
  if (action === 6 || action === 7) host.deliverToCoordinator();
  if (action === 8) world.advance(Math.min(amount, 1500));
  if (action === 9) host.finish(undefined, report);
  if (action === 10 && amount % 8 === 0) world.cancel();
  if (action === 11 && world.placement === undefined && world.outcome === undefined) {
    world.place(host);
  }
  if (action === 12) await world.flow();
  if (action === 13) {
    const fault = faults[amount % faults.length];
    let left = amount % 3;
    host.fault = () => {
      left -= 1;
      return left === 0 ? fault : undefined;
    };
  }
}
