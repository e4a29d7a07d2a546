/** The agent: its protocol core under faults and crashes, then its worker processes. */
import { generateKeyPairSync, sign } from "node:crypto";
import { create, fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import t from "tap";
import type { Signer } from "../src/base/signature.js";
import {
  RunState,
  type RunUpdate,
  RunUpdateSchema,
  TelemetrySampleSchema,
} from "../src/gen/quipu/v1/attach_pb.js";
import { checkDisclosure } from "../src/proof/receipt/disclosure.js";
import { openEnvelope, parseEnvelope } from "../src/proof/receipt/envelope.js";
import { parseStatement } from "../src/proof/receipt/statement.js";
import { type Fault, type Host, leaseMs, report, settle, World } from "./agent-world.js";

const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const signer: Signer = {
  algorithm: "ecdsa-p256-sha256",
  publicKey: new Uint8Array(keys.publicKey.export({ type: "spki", format: "der" })),
  sign: (message) => new Uint8Array(sign("sha256", message, keys.privateKey)),
};

async function attached(hostCount = 1): Promise<World> {
  const world = new World(signer, hostCount);
  for (const host of world.hosts) {
    await host.start();
    host.connect();
  }
  await world.flow();
  return world;
}

/** A world whose one host works on the job. */
async function working(): Promise<World> {
  const world = await attached();
  world.place(world.host);
  await world.flow();
  return world;
}

/** Lets time pass in steps of a heartbeat, with all messages delivered. */
async function pass(world: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    world.advance(500);
    await world.flow();
  }
}

function updates(host: Host): RunUpdate[] {
  return host.said.flatMap((message) => (message.case === "runUpdate" ? [message.value] : []));
}

function states(host: Host): RunState[] {
  return updates(host).map(({ state }) => state);
}

function isClean(host: Host): boolean {
  return (
    host.journal.files.size + host.spool.files.size === 0 && host.agent?.view.runs.length === 0
  );
}

t.test("a run is claimed, worked, sealed, acknowledged, and leaves nothing behind", async (t) => {
  const world = await working();
  const { host } = world;
  t.same([...host.journal.files.keys()], ["run-1.1"]);
  host.works.get("run-1")?.hooks.progress(0.5, "counting");
  host.works.get("run-1")?.hooks.log("one line\n");
  await pass(world, 500);
  host.finish("run-1", report);
  await world.flow();
  t.same(states(host), [RunState.RUNNING, RunState.SUCCEEDED]);
  t.equal(updates(host)[0]?.activity, "counting");
  t.ok(host.said.some((message) => message.case === "logLines"));
  const sealed = updates(host)[1];
  const { predicate } = openEnvelope(sealed?.envelope ?? new Uint8Array(), signer.publicKey);
  t.equal(predicate.run.outcome, "succeeded");
  t.same(
    sealed?.outputs.map(({ name, host }) => [name, host]),
    [["manifest.json", "sg-1"]],
  );
  t.same(world.logged, ["run-1"]);
  t.ok(isClean(host));
});

t.test("a receipt's fields can be shown; what that takes is on no disk of the host", async (t) => {
  for (const dies of [false, true]) {
    const world = await working();
    const { host } = world;
    host.disconnect();
    host.finish("run-1", report);
    await settle();
    const [spooled = new Uint8Array()] = host.spool.files.values();
    t.equal(fromBinary(RunUpdateSchema, spooled).disclosure, undefined);
    if (dies) {
      host.crash();
      await host.start();
    }
    host.connect();
    await world.flow();
    t.same(world.logged, ["run-1"]);
    const { envelope = new Uint8Array(), disclosure } = updates(host).at(-1) ?? {};
    const opened = parseEnvelope(envelope);
    const receipt = { envelope: opened, statement: parseStatement(opened.payload) };
    if (disclosure === undefined) throw new Error("the update has no disclosure");
    t.doesNotThrow(() => checkDisclosure(disclosure, receipt, signer.publicKey));
    t.equal(disclosure.seed.length, 32);
  }
});

t.test("a failure of the work is a sealed receipt with its code", async (t) => {
  const world = await working();
  const failure = { code: "DATA_CHANGED", kind: "terminal", message: "it changed" } as const;
  world.host.finish("run-1", { failure, usage: report.usage, isolation: "none" });
  await world.flow();
  const sealed = updates(world.host).at(-1);
  t.equal(sealed?.state, RunState.FAILED);
  t.equal(sealed?.failure?.code, "DATA_CHANGED");
  const statement = openEnvelope(sealed?.envelope ?? new Uint8Array(), signer.publicKey);
  t.equal(statement.predicate.run.failure?.code, "DATA_CHANGED");
  t.ok(isClean(world.host));

  // A result that no statement can carry is a failure too, not a crash.
  const odd = await working();
  const [output] = report.result?.outputs ?? [];
  if (report.result === undefined || output === undefined) throw new Error("no output");
  odd.host.finish("run-1", { ...report, result: { ...report.result, outputs: [output, output] } });
  await odd.flow();
  t.equal(updates(odd.host).at(-1)?.failure?.code, "VERIFICATION_FAILED");
});

t.test("doubled and unreadable assigns start nothing; stale acks drop nothing", async (t) => {
  const world = await working();
  const { host } = world;
  const again = world.placement;
  if (again === undefined) throw new Error("not placed");
  const resend = () => {
    host.disconnect();
    host.connect();
  };
  world.ack(host, "run-1", 9n, true);
  world.ack(host, "run-7", 1n, true);
  await world.flow();
  t.equal(host.works.size, 1);
  t.equal(host.journal.files.size, 1);
  resend(); // the coordinator finds it held; then the agent says where it stands
  await world.flow();
  t.equal(host.works.size, 1);
  t.same(new Set(states(host)), new Set([RunState.RUNNING]));
  host.finish("run-1", report);
  await world.flow();
  world.placement = again; // a late double of the assignment, after everything
  resend();
  await world.flow();
  t.equal(host.works.size, 0);
  t.equal(states(host).filter((state) => state === RunState.SUCCEEDED).length, 1);

  const bad = await attached();
  const unreadable = bad.assignment("run-1", 1);
  if (unreadable.case === "assign") unreadable.value.spec = Buffer.from("{}");
  bad.send(bad.host, unreadable);
  await bad.flow();
  t.same(
    updates(bad.host).map(({ state, failure }) => [state, failure?.code]),
    [[RunState.LOST, "JOB_FILE_INVALID"]],
  );
});

t.test("heartbeats and samples come as often as the coordinator asks", async (t) => {
  const world = await attached();
  const { host } = world;
  const beats = () => host.said.filter((message) => message.case === "heartbeat").length;
  const samples = () => host.said.filter((message) => message.case === "telemetry").length;
  const minute = async () => {
    host.said.length = 0;
    for (let second = 0; second < 60; second += 1) {
      host.agent?.telemetry(create(TelemetrySampleSchema));
      await pass(world, 1_000);
    }
    return [beats(), samples()];
  };
  t.same(await minute(), [60, 60]);
  world.heartbeatMs = 2_500n;
  await minute();
  const [slow = 0, fewer = 0] = await minute();
  t.ok(slow >= 20 && slow <= 24, `${slow} heartbeats a minute`);
  t.ok(fewer >= 20 && fewer <= 30, `${fewer} samples`);
});

t.test("a lease that ends stops the run and seals nothing", async (t) => {
  const world = await working();
  const { host } = world;
  await pass(world, 500);
  t.same(states(host), [RunState.RUNNING], "said once it lasts");
  host.disconnect();
  for (let passed = 0; passed < leaseMs - 1000; passed += 500) world.advance(500);
  await settle();
  t.equal(host.works.size, 1, "it works to the end of its lease");
  for (let passed = 0; passed < 1500; passed += 500) world.advance(500);
  await settle();
  t.equal(host.works.size, 0);
  t.equal(host.spool.files.size, 0);
  t.ok(isClean(host));
  host.connect();
  await pass(world, 3000);
  t.same(world.lost, ["run-1"], "the coordinator's view of the lease runs out by itself");

  // A renewal counts from when it was sent, however late its answer comes.
  const slow = await working();
  slow.advance(1000);
  while (slow.host.deliverToCoordinator()) await settle();
  slow.advance(3000);
  slow.host.toCoordinator = [];
  while (slow.host.deliverToAgent()) await settle();
  slow.advance(leaseMs - 3000 - 500);
  await settle();
  t.equal(slow.host.works.size, 1);
  slow.advance(500);
  await settle();
  t.equal(slow.host.works.size, 0);

  // The end of the lease hides behind a long pause of the machine: the result came first, too late.
  const paused = await working();
  paused.nowMs += leaseMs + 1;
  paused.host.finish("run-1", report);
  await settle();
  t.equal(paused.host.spool.files.size, 0);
  t.notOk(states(paused.host).includes(RunState.SUCCEEDED));

  // An assignment that was under way for longer than a lease is not started at all.
  const late = await attached();
  late.place(late.host);
  late.nowMs += leaseMs;
  while (late.host.deliverToAgent()) await settle();
  t.equal(late.host.works.size, 0);
});

t.test("fenced work stops and seals nothing; fenced receipts are sent as evidence", async (t) => {
  const world = await working();
  world.placement = undefined;
  await pass(world, 1500);
  t.equal(world.host.works.size, 0);
  t.ok(isClean(world.host));
  t.same(states(world.host), [RunState.RUNNING]);

  const sealed = await working();
  sealed.host.disconnect();
  sealed.host.finish("run-1", report);
  await settle();
  sealed.placement = undefined;
  sealed.host.connect();
  await sealed.flow();
  t.same(sealed.evidence, ["run-1"]);
  t.ok(isClean(sealed.host));
});

t.test("cancel: sealed as cancelled before the end, without effect after it", async (t) => {
  const world = await working();
  world.cancel();
  await world.flow();
  t.equal(world.outcome, RunState.CANCELLED);
  const update = updates(world.host).at(-1);
  const { run } = openEnvelope(update?.envelope ?? new Uint8Array(), signer.publicKey).predicate;
  t.same([run.outcome, run.failure?.code], ["cancelled", "CANCELLED"]);

  const late = await working();
  late.host.disconnect();
  late.host.finish("run-1", report);
  await settle();
  late.cancelled = true;
  late.host.connect();
  await late.flow();
  t.equal(late.outcome, RunState.SUCCEEDED);

  const unknown = await attached();
  unknown.place(unknown.host);
  unknown.host.toAgent = [];
  unknown.cancel();
  await unknown.flow();
  t.same(unknown.lost, ["run-1"], "a run that never arrived is answered LOST");
});

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

t.test("silence drops the stream; an agent told to end reports its work lost", async (t) => {
  const world = await working();
  world.host.toAgent = [];
  for (let passed = 0; passed < leaseMs / 2; passed += 250) {
    world.advance(250);
    world.host.toCoordinator = [];
  }
  t.notOk(world.host.connected);
  world.host.connect();
  await world.flow();
  t.ok(world.host.agent?.view.attached);

  world.host.agent?.end();
  t.ok(world.host.agent?.busy);
  await world.flow();
  t.notOk(world.host.agent?.busy);
  t.same([world.lost, world.logged], [["run-1"], []]);
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
