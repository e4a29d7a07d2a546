/** From how far inputs come: in scores, in cells of hosts that are alike, in records old and new. */

import { readFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import t from "tap";
import type { Digest } from "../src/base/bytes.js";
import { canonicalBytes, canonicalJson } from "../src/base/canonical-json.js";
import { fetchText, offerView } from "../src/cli/job/plan.js";
import { worthText } from "../src/cli/job/why.js";
import { explainHost } from "../src/coordinator/api/explain-host.js";
import { planJobs } from "../src/coordinator/api/plan-jobs.js";
import { decisionOf, offerMessage } from "../src/coordinator/wire.js";
import { OfferSchema } from "../src/gen/quipu/v1/jobs_pb.js";
import { newSigner } from "../src/io/identity/signer.js";
import type { Decision, Offer } from "../src/model/decision.js";
import type { Pull } from "../src/model/egress.js";
import type { HostView } from "../src/model/host.js";
import { type JobSpec, jobDigest } from "../src/model/job.js";
import { fetchTo, fetchWeight } from "../src/model/locality.js";
import type { Place } from "../src/model/place.js";
import { type PriceBook, priceBook, priceBookDigest } from "../src/model/price-book.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { fleetPaper } from "../src/scheduler/placement/fleet.js";
import { replay } from "../src/scheduler/placement/replay.js";
import { CoordinatorWorld, FakeHost, job as jobFile } from "./coordinator-world.js";
import { at, base, cpu, holding, host, job, onnx } from "./scheduler-world.js";

t.setTimeout(60_000);

const gibibyte = 2 ** 30;
const placeOf = (country: string, parts: Partial<Place> = {}): Place => {
  return { country, zone: "", site: "private", grade: "claimed", ...parts };
};
const [sg, cl, de] = [placeOf("SG"), placeOf("CL"), placeOf("DE")];
const otherZone = placeOf("SG", { zone: "b" });

const pull = (sizeBytes: number, from?: string, held?: readonly string[]): Pull => ({
  sizeBytes,
  ...(from === undefined ? {} : { from: { host: from, place: sg } }),
  ...(held === undefined ? {} : { held }),
});

const book = (parts: object = {}): PriceBook =>
  priceBook.parse({
    version: "quipu.dev/price-book/v1",
    name: "rates",
    currency: "USD",
    from: "2020-01-01T00:00:00Z",
    rates: [{ country: "CL", nanosPerSecond: 500_000 }, { nanosPerSecond: 1_000_000 }],
    ...parts,
  });

function decideOn(hosts: readonly HostView[], pulls: readonly Pull[], prices?: PriceBook) {
  const spec = job({ task: onnx });
  const asked = { job: spec, jobDigest: jobDigest(spec), dataSet: undefined };
  const asks = new Asks(new Board(hosts));
  const bounds = { pulls };
  const question = { id: "dec-1", at, policy: base, book: prices, bounds, ...asked };
  return { asked, asks, question, ...decide(asks, question) };
}

const localityOf = ({ offers }: Decision) => offers.map((one) => [one.host, one.parts.locality]);

t.test("bytes are counted by how far they come, and weighed by it", async (t) => {
  const made = pull(gibibyte, "sg-1", ["de-1"]);
  const to = (name: string, place: Place) => fetchTo({ name, place }, [made]);
  const none = { siteBytes: 0, countryBytes: 0, farBytes: 0 };
  t.same(to("sg-1", sg), none, "it lies where it was made");
  t.same(to("de-1", de), none, "and where it is known to be");
  t.same(to("sg-2", sg), { ...none, siteBytes: gibibyte });
  t.same(to("sg-3", placeOf("SG", { grade: "provider-attested" })), to("sg-2", sg));
  for (const parts of [{ zone: "b" }, { site: "public" }, { operator: "them" }] as const) {
    t.same(to("sg-4", placeOf("SG", parts)), { ...none, countryBytes: gibibyte });
  }
  t.same(to("cl-1", cl), { ...none, farBytes: gibibyte });
  const two = [pull(5), pull(7, "sg-1")];
  t.same(fetchTo({ name: "sg-2", place: sg }, two), { ...none, siteBytes: 7, farBytes: 5 });
  const most = Number.MAX_SAFE_INTEGER;
  const all = { siteBytes: most, countryBytes: most, farBytes: most };
  t.equal(fetchWeight(all), 21n * (2n ** 53n - 1n), "to the byte");
});

t.test("without any price the nearest host wins: its own, its site, its country", async (t) => {
  const hosts = [host("a", cl), host("b", otherZone), host("c", sg), host("d", sg)];
  const { decision } = decideOn(hosts, [pull(gibibyte, "d")]);
  t.equal(decision.version, "quipu.dev/decision/v5");
  t.same(localityOf(decision), [
    ["d", 0],
    ["c", -55],
    ["b", -65],
    ["a", -75],
  ]);
  t.same(decision.offers[3]?.fetch, { siteBytes: 0, countryBytes: 0, farBytes: gibibyte });
  const points = (bytes: number) =>
    decideOn([host("c", sg)], [pull(bytes, "d")]).decision.offers[0]?.parts.locality;
  const megabyte = 2 ** 20;
  t.same([megabyte - 1, megabyte, 2 * megabyte - 1, 2 * megabyte].map(points), [0, -5, -5, -10]);
  t.same([2 ** 42, 2 ** 43, 2 ** 50].map(points), [-115, -120, -120], "and no more");
  t.ok(Object.is(points(5), 0), "no number has a sign that JSON does not know");
  const small = decideOn(hosts, [pull(1, "d")]).decision;
  t.same(
    small.offers.map((one) => [one.host, one.score]),
    [..."dcba"].map((name) => [name, 100]),
    "of as many points less far is better, to the byte",
  );
  t.equal(decideOn(hosts, []).decision.offers[0]?.host, "a", "where nothing is brought, by name");
});

t.test("private comes first, then price, then locality, then how empty a host is", async (t) => {
  const huge = [pull(2 ** 50, "near", ["near"])];
  const first = (hosts: readonly HostView[], pulls = huge, prices?: PriceBook) =>
    decideOn(hosts, pulls, prices).decision.offers.map((one) => one.host)[0];
  const near = host("near", placeOf("SG", { site: "public" }));
  t.equal(first([near, host("far", cl)]), "far", "public capacity is no nearer than any private");
  const full = { ...cpu, id: "cuda:0" };
  const halfBusy = host("near", sg, {
    devices: [cpu, full, { ...full, id: "cuda:1" }],
    load: holding("cuda:0", "cuda:1"),
  });
  t.equal(first([halfBusy, host("far", sg)], [pull(16 * gibibyte, "near")]), "near");
  t.equal(
    first([halfBusy, host("far", sg)], [pull(2 ** 20, "near")]),
    "far",
    "a megabyte is little",
  );
  const cheap = [{ country: "CL", nanosPerSecond: 1 }, { nanosPerSecond: 1_000_000 }];
  const hosts = [host("near", sg), host("far", cl)];
  t.equal(
    first(hosts, huge, book({ rates: cheap })),
    "far",
    "the dearest device is dearer than any way",
  );
  t.equal(first(hosts, huge, book()), "near", "half of it is not");
  const priced = book({ egress: [{ nanosPerGigabyte: 0 }] });
  t.same(decideOn(hosts, [pull(gibibyte, "near")], priced).decision.offers[0]?.parts, {
    device: 0,
    price: -150,
    egress: 0,
    locality: 0,
    idle: 100,
  });
});

t.test("hosts that hold an input stand apart, and the others in their cells", async (t) => {
  const many = Array.from({ length: 500 }, (_, i) => host(`h-${`${i}`.padStart(3, "0")}`, sg));
  const { decision, asks, question } = decideOn(many, [
    pull(gibibyte, "h-007", ["h-000", "h-499", "gone"]),
  ]);
  t.same(
    decision.offers.map((one) => [one.host, one.hosts, one.parts.locality]),
    [
      ["h-000", 1, 0],
      ["h-007", 1, 0],
      ["h-499", 1, 0],
      ["h-001", 497, -55],
    ],
  );
  const rows: (readonly string[])[] = [];
  const ask = asks.ask(base, question, undefined);
  ask.each((names) => rows.push(names));
  t.equal(rows.length, 4, "so many are looked at, and not every host");
  t.same(
    rows.flat().sort(),
    many.map(({ name }) => name),
    "each once",
  );
  const anyPlace = fc.constantFrom(sg, otherZone, cl, placeOf("CL", { site: "public" }));
  const fleet = fc
    .array(fc.tuple(anyPlace, fc.boolean()), { minLength: 1, maxLength: 9 })
    .map((list) => list.map(([place, attached], i) => host(`h-${i}`, place, { attached })));
  const names = fc.uniqueArray(fc.constantFrom("h-0", "h-2", "h-5", "h-8", "h-99"));
  fc.assert(
    fc.property(fleet, names, fc.integer({ min: 0, max: 2 ** 45 }), (views, held, size) => {
      const found = decideOn(views, [pull(size, "h-2", held.sort())]);
      const one = found.asks.ask(base, found.question, undefined);
      const seen = new Map<string, unknown>();
      one.each((group, finding) => {
        for (const name of group) seen.set(name, finding);
      });
      // What a cell says of a host is what the host alone would be told.
      return views.every(
        ({ name }) => canonicalJson(seen.get(name)) === canonicalJson(one.of(name)),
      );
    }),
  );
});

interface Vector {
  readonly decision: Decision;
  readonly job: JobSpec;
  readonly papers: Readonly<Record<Digest, unknown>>;
}

t.test(
  "records are made again byte for byte, and those before locality by their own rules",
  async (t) => {
    const text = readFileSync("test/vectors/decision/v4.json", "utf8");
    const { decision: old, job: spec, papers: kept } = JSON.parse(text) as Vector;
    const asked = { job: spec, jobDigest: jobDigest(spec), dataSet: undefined };
    const readOld = async (digest: Digest) => canonicalBytes(kept[digest]);
    t.equal(canonicalJson(await replay(old, asked, readOld)), canonicalJson(old));
    t.same(decisionOf(canonicalBytes(old)), old, "the coordinator reads it");
    t.equal(decisionOf(canonicalBytes({ ...old, version: "quipu.dev/decision/v3" })), undefined);
    const asNow = await replay({ ...old, version: "quipu.dev/decision/v5" }, asked, readOld);
    t.match(asNow.offers[0], { host: "sg-b", parts: { locality: 0 }, fetch: { siteBytes: 0 } });
    t.match(asNow.offers[1], { host: "sg-a", hosts: 2, fetch: { siteBytes: 3_000_000_000 } });

    const place = fc.constantFrom(sg, otherZone, cl, de);
    const fleet = fc
      .array(place, { minLength: 1, maxLength: 8 })
      .map((places) => places.map((one, i) => host(`h-${i}`, one)));
    const held = fc.subarray(["h-0", "h-1", "h-4", "h-7"]);
    const prices = fc.constantFrom(undefined, book(), book({ egress: [{ nanosPerGigabyte: 9 }] }));
    await fc.assert(
      fc.asyncProperty(fleet, held, prices, fc.nat(2 ** 40), async (views, names, priced, size) => {
        const { decision, asked, lawPaper, origin, book } = decideOn(
          views,
          [pull(size, views[0]?.name, names), pull(size)],
          priced,
        );
        const papers = new Map<Digest, Uint8Array>([
          [lawPaper.digest, lawPaper.content],
          [origin.digest, fleetPaper(origin).content],
        ]);
        if (book !== undefined) papers.set(priceBookDigest(book), canonicalBytes(book));
        const record = JSON.parse(canonicalJson(decision)) as Decision;
        const again = await replay(record, asked, async (digest) => papers.get(digest));
        return canonicalJson(again) === canonicalJson(decision);
      }),
      { numRuns: 300 },
    );
  },
);

t.test("offers say what they would fetch, and their score by its parts", async (t) => {
  const { decision } = decideOn([host("c", sg), host("d", cl)], [pull(gibibyte, "c"), pull(3)]);
  const told = decision.offers.map((one: Offer) =>
    offerView(create(OfferSchema, offerMessage(one))),
  );
  t.same(told.map(fetchText), ["3 B far", "1.0 GiB far"]);
  t.equal(
    worthText(told[1] as (typeof told)[number]),
    ", score 25 (device 0, locality -75, idle 100), to be fetched: 1.0 GiB far, permitted by base.run",
  );
  t.equal(fetchText({ fetch: { siteBytes: 0, countryBytes: 0, farBytes: 0 } }), "0 B");
  t.equal(
    fetchText({ fetch: { siteBytes: 1, countryBytes: 2048, farBytes: 0 } }),
    "1 B near, 2.0 KiB in the country",
  );
  t.equal(fetchText({ fetch: null }), "-");
});

t.test("a coordinator learns from receipts who holds a model", async (t) => {
  const world = await CoordinatorWorld.open();
  const [first, second] = [new FakeHost(world), new FakeHost(world, "sg-2")];
  await second.attach();
  world.artifacts.add(onnx.model);
  const decisionOfJob = async (id: string) => {
    const kept = await world.store.decisions.get((await world.job(id)).decisionId);
    return JSON.parse(new TextDecoder().decode(kept?.content)) as Decision;
  };
  const tensor = (name: string) => jobFile({ name, task: onnx });
  const one = await world.one(tensor("one"));
  t.equal((await decisionOfJob(one)).bounds, undefined, "nobody has it: all are alike");
  await first.attach(); // by name it would be the first
  await second.report(second.seal("failed"));
  t.equal(
    (await decisionOfJob(await world.one(tensor("two")))).bounds,
    undefined,
    "who failed may have none",
  );
  await first.report(first.seal("cancelled"));
  const three = await world.one(
    jobFile({ name: "three", task: onnx, placement: { hosts: ["sg-2"] } }),
  );
  t.equal((await world.job(three)).host, "sg-2");
  await second.report(second.seal());

  const four = await world.one(tensor("four"));
  const record = await decisionOfJob(four);
  t.same(record.bounds, { pulls: [{ sizeBytes: 1_000_000_000, held: ["sg-2"] }] });
  t.same(localityOf(record), [
    ["sg-2", 0],
    ["sg-1", -70],
  ]);
  const { core } = world.coordinator;
  const { plans = [] } = await planJobs(core)(
    { specs: [tensor("p")], all: false } as never,
    {} as never,
  );
  t.match(plans[0]?.offers, [
    { host: "sg-1", parts: { locality: -70 }, fetch: { farBytes: 1_000_000_000n } },
  ]);
  const then = await explainHost(core)({ jobId: four, host: "sg-2" } as never, {} as never);
  t.match(then.finding, {
    case: "offer",
    value: { parts: { locality: 0 }, fetch: { farBytes: 0n } },
  });
  await second.report(second.seal());

  const other = new FakeHost(world, "sg-2", "SG", newSigner("ecdsa-p256-sha256"));
  second.leave();
  await other.attach();
  const five = await world.one(tensor("five"));
  t.equal((await decisionOfJob(five)).bounds, undefined, "a host with another key is another host");
  const made = Array.from({ length: 4096 }, (_, i) => ({ digest: `sha256:${i}` }));
  const many = { ...(await world.job(four)), state: "succeeded", result: { outputs: made } };
  core.holders.learn({ host: "sg-1", receiptKey: first.signer.publicKey }, many as never);
  t.same(core.holders.of(onnx.model), ["sg-1"], "however much one run has made");
  t.same(world.troubles, []);
});
