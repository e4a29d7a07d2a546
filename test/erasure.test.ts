/** Receipts that are erased, by hand or when the terms of their data no longer keep them: gone everywhere, and told of. */
import t from "tap";
import { askAudit } from "../src/coordinator/api/ask-audit.js";
import { getReceipt } from "../src/coordinator/api/get-receipt.js";
import { listUsage } from "../src/coordinator/api/list-usage.js";
import { eraseReceipts } from "../src/coordinator/log/erase-receipts.js";
import type { ListUsageResponse } from "../src/gen/quipu/v1/log_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import { auditDataSet, type Question } from "../src/proof/lineage/audit.js";
import { parseEnvelope } from "../src/proof/receipt/envelope.js";
import { parsePayload } from "../src/proof/receipt/notice.js";
import { CoordinatorWorld, FakeHost, job } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { heldOf, mixed, read, worldOf } from "./lineage-world.js";
import { dataSet } from "./scheduler-world.js";

const call = { signal: new AbortController().signal, peer: "unix" };

t.test("what the terms of a data set keep for so many days is erased then", async (t) => {
  const world = await CoordinatorWorld.open();
  t.teardown(() => world.store.close());
  const terms = { retentionDays: 30 };
  const facts = { ...dataSet("public", [], "brief"), terms };
  await world.store.transact(({ dataSets }) => dataSets.insert({ facts, registeredAtMs: 1 }));
  const [host, away] = ["sg-1", "sg-2"].map(
    (name) => new FakeHost(world, name, "SG", newSigner("ecdsa-p256-sha256")),
  ) as [FakeHost, FakeHost];
  const inventory = host.hello().inventory;
  inventory?.dataSets.push({ ...inventory.dataSets[0], name: "brief" } as never);
  const [day, held] = [24 * 60 * 60 * 1000, [] as string[]];
  const runOf = async (on: FakeHost, dataSet: string) => {
    await on.attach([], { inventory });
    const id = await world.one(job({ dataSet, placement: { hosts: [on.name] } }));
    if (on === host) held.push(host.assign.runId);
    return id;
  };
  const envelopes = async () => {
    const all = await Promise.all(held.map((runId) => world.store.receipts.get(runId)));
    return all.map((receipt) => receipt && receipt.envelope.length > 0);
  };
  const waiting = await runOf(away, "brief");
  await away.lost();
  away.leave();
  await runOf(host, "brief");
  await host.report(host.seal());
  await runOf(host, "open");
  await host.report(host.seal());
  world.nowMs += 20 * day;
  await runOf(host, "brief");
  await host.report(host.seal());
  await world.advance(300);
  world.nowMs += 9 * day;
  await world.advance(300);
  t.same(await envelopes(), [true, true, true], "after 29 days");
  world.nowMs += 2 * day;
  await world.advance(300);
  t.same(await envelopes(), [false, true, true], "after 31; others are kept");
  t.equal(await world.state(waiting), "queued", "what goes on for long holds up nothing else");
  await world.start();
  world.nowMs += 20 * day;
  await world.advance(300);
  t.same(await envelopes(), [false, true, false], "a new process goes on");
  await world.advance(300);
  const { all } = await read(world);
  const acts = all.flatMap(({ envelope }) => {
    const stated = parsePayload(parseEnvelope(envelope).payload);
    return "notice" in stated && "kind" in stated.notice.predicate ? [stated.notice.predicate] : [];
  });
  const erasures = acts.filter(({ kind }) => kind === "receipt.erase");
  t.same(
    erasures.map(({ details }) => [details.run, details.reason]),
    [held[0], held[2]].map((run) => [run, "the terms of data set brief keep it for 30 days"]),
    "each once, and the log says why",
  );
  t.same(world.troubles, []);
});

t.test("what a host that was away says of an erased job is not kept either", async (t) => {
  const world = await CoordinatorWorld.open();
  t.teardown(() => world.store.close());
  const facts = { ...dataSet("public", [], "brief"), terms: { retentionDays: 1 } };
  await world.store.transact(({ dataSets }) => dataSets.insert({ facts, registeredAtMs: 1 }));
  const [away, host] = ["sg-1", "sg-2"].map((name) => new FakeHost(world, name)) as [
    FakeHost,
    FakeHost,
  ];
  const inventory = host.hello().inventory;
  inventory?.dataSets.push({ ...inventory.dataSets[0], name: "brief" } as never);
  /** The receipt of a run that was given up before another ended its job. */
  const late = async (dataSet: string, meanwhile: (jobId: string) => Promise<unknown>) => {
    await away.attach([], { inventory });
    const id = await world.one(job({ dataSet }));
    const { runId } = away.assign;
    const sealed = away.seal();
    await host.attach([], { inventory });
    await away.lost();
    away.leave();
    await host.report(host.seal());
    await world.advance(300);
    host.leave();
    await meanwhile(id);
    await away.attach([], { inventory });
    await away.report(sealed);
    t.match(away.ack, { accepted: false, failure: { code: "FENCED" } });
    return await world.store.receipts.get(runId);
  };
  const { core } = world.coordinator;
  const kept = await late("open", () => world.advance(300));
  t.ok(kept?.envelope.length, "evidence, where nothing is erased");
  const asked = await late("open", (id) => eraseReceipts(core, id, "its owner asked"));
  t.match([asked?.stage, asked?.envelope.length], ["evidence", 0]);
  const overdue = await late("brief", async () => {
    world.nowMs += 2 * 24 * 60 * 60 * 1000;
    await world.advance(300);
  });
  t.match([overdue?.stage, overdue?.envelope.length], ["evidence", 0]);
});

t.test("an erased receipt is gone, and the log says that it was, and why", async (t) => {
  const world = await worldOf(mixed);
  t.teardown(() => world.store.close());
  const { core } = world.coordinator;
  const before = await read(world);
  const [, second] = await world.store.receipts.logged(0, 0, 5);
  const { jobId = "", runId = "" } = (await world.store.receipts.get(second?.runId ?? "")) ?? {};
  const waits = await world.one(job());
  for (const [id, reason, code] of [
    ["job-none", "asked", "NOT_FOUND"],
    [jobId, " ", "INVALID_ARGUMENT"],
    [waits, "asked", "CONFLICT"],
  ] as const) {
    t.equal((await failure(eraseReceipts(core, id, reason))).code, code);
  }
  t.same(await eraseReceipts(core, jobId, "its owner asked"), [runId]);
  t.same(await eraseReceipts(core, jobId, "again"), [], "twice is once");
  await world.advance(1);
  await world.start();
  t.equal((await world.store.receipts.get(runId))?.envelope.length, 0, "after a restart, too");
  t.match(await failure(ask(getReceipt, { jobId })), { code: "NOT_FOUND", message: /was erased/ });
  t.match(await failure(ask(askAudit, { id: jobId })), { code: "CONFLICT", message: /was erased/ });
  const usage = (await ask(listUsage, { firstIndex: 0n, limit: 0 })) as ListUsageResponse;
  t.match([usage.runs.length, usage.erased, usage.unverified], [4, 1n, []]);

  const { all, ...log } = await read(world);
  const question: Question = { dataSet: "people", neverOutside: ["SG"] };
  const found = await auditDataSet(question, { ...log, held: heldOf(all) });
  t.match(found, {
    entries: 8,
    opened: 7,
    erased: 1,
    unknown: 0,
    runs: [{ index: 0 }, { index: 4 }],
  });
  const text = "no run outside {SG} among 7 of 8 entries; 1 erased";
  t.match(found.claim, { verdict: "incomplete", text });
  const act = all.at(-1);
  t.match(Buffer.from(act?.envelope ?? []).toString(), /payload/);
  const kept = [...before.all, ...all.slice(-1)];
  const known = await auditDataSet(question, { ...log, held: heldOf(kept) });
  t.match(known, { opened: 8, erased: 0, claim: { verdict: "holds" } }, "who kept it can show it");
  const less = await auditDataSet(question, { ...log, held: heldOf(all.slice(1)) });
  t.match(less.claim, { text: /6 of 8 entries; 1 entry unknown, 1 erased$/ });

  function ask<Request>(
    handler: (core: never) => (request: never, context: never) => unknown,
    request: Request,
  ) {
    const answer = handler(world.coordinator.core as never);
    return Promise.resolve(answer(request as never, call as never));
  }
});
