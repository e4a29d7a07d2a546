/** The core of the agent: runs claimed, leased, cancelled, fenced, and their receipts sealed and told. */
import { create, fromBinary } from "@bufbuild/protobuf";
import t from "tap";
import { RunState, RunUpdateSchema, TelemetrySampleSchema } from "../src/gen/quipu/v1/attach_pb.js";
import { checkDisclosure } from "../src/proof/receipt/disclosure.js";
import { openEnvelope, parseEnvelope } from "../src/proof/receipt/envelope.js";
import { parseStatement } from "../src/proof/receipt/statement.js";
import { attached, isClean, pass, signer, updates, working } from "./agent-steps.js";
import { type Host, leaseMs, report, settle } from "./agent-world.js";

function states(host: Host): RunState[] {
  return updates(host).map(({ state }) => state);
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
