/** People and uses are counted in the transactions that grant runs, and given back with them. */
import { create } from "@bufbuild/protobuf";
import t from "tap";
import { timestamp } from "../src/base/clock.js";
import { countsFor } from "../src/coordinator/dispatch/data-uses.js";
import { grantOutputs } from "../src/coordinator/dispatch/grants.js";
import { InventorySchema } from "../src/gen/quipu/v1/types_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { DataSet } from "../src/model/data-set.js";
import { askedJob, jobBytes, jobDigest } from "../src/model/job.js";
import type { Terms } from "../src/model/terms.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { fleetPaper } from "../src/scheduler/placement/fleet.js";
import { replay } from "../src/scheduler/placement/replay.js";
import { countingYear } from "../src/scheduler/policy/counting-year.js";
import { loadPolicy } from "../src/scheduler/policy/engine.js";
import { CoordinatorWorld, FakeHost, job as jobOf, settle } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { at, baseText, dataSet, job, sg } from "./scheduler-world.js";

/** Of 100,000 people a year a contract is needed, as in the pack for China; lent as terms say. */
const policy = loadPolicy({
  "base.cedar": baseText,
  "x.cedar": `
    @id("x.persons") @says("Too many people")
    forbid (principal, action in [Action::"run_on", Action::"export"], resource)
    when { context.basis.leaves.contains("CN") }
    unless {
      context.data has persons && context.basis has personsThisYear &&
      context.data.persons + context.basis.personsThisYear < 100000
    };
    @id("x.grant") @says("Lent for so many runs")
    forbid (principal, action == Action::"read_data", resource)
    unless { !resource.grantsOnly || context.granted };`,
});

async function worldOf(
  terms: Record<string, Terms>,
): Promise<{ world: CoordinatorWorld; host: FakeHost }> {
  const world = await CoordinatorWorld.open();
  Object.assign(world.coordinator.core.ports, { policy });
  await world.store.transact(async ({ dataSets }) => {
    for (const [name, stated] of Object.entries(terms)) {
      const facts: DataSet = { ...dataSet("personal", ["CN", "SG"], name), terms: stated };
      await dataSets.insert({ facts, registeredAtMs: 1 });
    }
  });
  const host = new FakeHost(world);
  const cpu = { id: "cpu", model: "x86", memoryBytes: 2n ** 33n, backends: ["portable"] };
  const devices = ["cuda:0", "cuda:1"].map((id) => ({ ...cpu, id, backends: ["cuda"] }));
  const held = Object.keys(terms).map((name) => ({ name }));
  await host.attach([], {
    inventory: create(InventorySchema, { devices: [cpu, ...devices], dataSets: held }),
  });
  return { world, host };
}

const people = (persons: number): Terms => ({ origin: "CN", persons });
const on = (name: string, parts: object = {}) => jobOf({ dataSet: name, attemptsMax: 1, ...parts });

t.test("two data sets that are too many together never go both, even at once", async (t) => {
  const { world, host } = await worldOf({ a: people(60_000), b: people(60_000) });
  const ids = await world.submit(on("a"), on("b"));
  await settle();
  const states = await Promise.all(ids.map((id) => world.state(id)));
  t.same(
    states.sort(),
    ["placed", "refused"],
    "decided from the same books, kept one after the other",
  );
  t.equal(await world.state(await world.one(on("a"))), "placed", "a data set counts once a year");
  t.equal(world.troubles.length, 0);
  t.equal(host.all("assign").length, 2);
});

t.test("a run that is lost or fails gives back, one that succeeds does not", async (t) => {
  const { world, host } = await worldOf({ a: people(60_000), b: people(60_000) });
  const abroad = async () => {
    const b = (await world.store.dataSets.get("b"))?.facts;
    return (await countsFor(world.store, b, "local", 1_800_000_000_000))?.personsThisYear;
  };
  await world.one(on("a"));
  t.equal(await abroad(), 60_000, "reserved with the grant");
  await host.lost();
  t.equal(await abroad(), 0, "given back with the loss");
  await world.one(on("a"));
  await host.report(host.seal("failed"));
  t.equal(await abroad(), 0, "given back with the failure");
  const done = await world.one(on("a"));
  await host.report(host.seal());
  t.equal(await world.state(done), "succeeded");
  t.equal(await abroad(), 60_000, "spent with the receipt");
  t.equal(await world.state(await world.one(on("b"))), "refused");

  const { core } = world.coordinator;
  const found = await world.job(done);
  t.equal((await grantOutputs(core, found, "SG")).length, 1, "counted already");
  t.equal((await grantOutputs(core, found, "CN")).length, 1, "results come home");
  await world.store.transact(async ({ dataUses }) => {
    const other = { dataSet: "c", dataClass: "personal", origin: "CN", country: "DE" } as const;
    await dataUses.insert({ id: "c", ...other, owner: "x", year: 2027, persons: 50_000 });
  });
  const refused = await failure(grantOutputs(core, found, "SG"));
  t.match(refused, { code: "REFUSED_BY_POLICY", details: { rule: "x.persons" } });
});

t.test("data that is lent for so many runs is used no oftener", async (t) => {
  const grants = [{ to: "lab", purposes: ["care"], until: "2030-01-01T00:00:00Z", usesMax: 2 }];
  const { world, host } = await worldOf({ lent: { grants } });
  const use = { owner: "lab", purpose: "care" };
  const ids = await world.submit(on("lent", use), on("lent", use), on("lent", use));
  await settle();
  const states = await Promise.all(ids.map((id) => world.state(id)));
  t.same(states.sort(), ["placed", "placed", "refused"]);
  await host.lost();
  t.equal(
    await world.state(await world.one(on("lent", use))),
    "placed",
    "what was lost is given back",
  );
  t.equal(await world.state(await world.one(on("lent", { ...use, purpose: "ads" }))), "refused");
});

t.test("nothing is run again where that would be counted, be it of what others made", async (t) => {
  const { world, host } = await worldOf({ a: people(60_000), plain: {} });
  world.audits = { rate: 1, newHostRuns: 0, withinMs: 60_000 };
  await world.start();
  Object.assign(world.coordinator.core.ports, { policy });
  const parts = { inventory: host.hello().inventory };
  const devices = [{ id: "cpu", model: "x86", memoryBytes: 2n ** 33n, backends: ["portable"] }];
  const held = ["a", "plain"].map((name) => ({ name }));
  parts.inventory = create(InventorySchema, { devices, dataSets: held });
  const others = [host, new FakeHost(world, "sg-2", "SG", newSigner("ecdsa-p256-sha256"))];
  for (const one of others) await one.attach([], parts);
  const run = async (spec: Uint8Array) => {
    const id = await world.one(spec);
    const by = others.find((one) => one.all("assign").some(({ jobId }) => jobId === id));
    await by?.report(by.seal());
    t.equal(await world.state(id), "succeeded");
    return await world.store.audits.ofRun((await world.job(id)).runId);
  };
  t.equal(await run(on("a", { name: "first" })), undefined, "its people would go twice");
  const model = { job: "first", output: "manifest.json" };
  const task = { driver: "tensor", model, inputs: {} };
  const asked = { version: "quipu.dev/v1", name: "second", dataSet: "plain", task };
  t.equal(await run(jobBytes(askedJob.parse(asked))), undefined, "nor with what they gave");
  t.match(await run(on("plain")), { state: "open" });
});

t.test("a year begins where its law is", async (t) => {
  const silvester = Date.parse("2026-12-31T16:00:00Z");
  t.equal(countingYear("CN", silvester - 1), 2026);
  t.equal(countingYear("CN", silvester), 2027);
  t.equal(countingYear("SG", silvester), 2026);
});

t.test("answers that are kept hold until time or the books change them", async (t) => {
  const end = "2026-06-01T00:00:00Z";
  const lent: DataSet = {
    ...dataSet("public", []),
    terms: { grants: [{ to: "lab", purposes: ["care"], until: end, usesMax: 1 }] },
  };
  const asks = new Asks(
    new Board([{ ...sg, place: { ...sg.place, gradeUntil: "2027-01-01T00:00:00Z" } }]),
  );
  const spec = job({ dataSet: "digits", owner: "lab", purpose: "care" });
  const names = { id: "dec-1", job: spec, jobDigest: jobDigest(spec), dataSet: lent };
  const judge = (when: string, usesSoFar: number) =>
    decide(asks, { ...names, at: when, counts: { usesSoFar }, policy });
  const kind = (when: string, usesSoFar = 0) => judge(when, usesSoFar).decision.outcome.kind;
  t.equal(kind(at), "placed");
  t.equal(kind(at, 1), "refused", "other counts are another question");
  t.equal(kind("2026-05-31T23:59:59.999Z"), "placed");
  t.equal(kind(end), "refused", "the grant has ended");
  t.equal(kind(at), "placed", "a clock that jumps back");
  const first = policy.holdsUntilMs({ dataSet: lent, at }, [
    { ...sg.place, gradeUntil: "2026-03-01T00:00:00Z" },
  ]);
  t.equal(timestamp(first), "2026-03-01T00:00:00.000Z", "the first of all ends");
  t.equal(policy.holdsUntilMs({ at }, [sg.place]), Number.POSITIVE_INFINITY);

  const { decision, lawPaper, origin } = judge(at, 1);
  t.match(JSON.parse(new TextDecoder().decode(lawPaper.content)), { counts: { usesSoFar: 1 } });
  const papers = [lawPaper, fleetPaper(origin)];
  const read = async (digest: string) => papers.find((one) => one.digest === digest)?.content;
  t.same(await replay(decision, names, read), decision, "what the books said is in the record");
});
