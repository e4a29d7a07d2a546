/** What bringing a job's inputs costs: rows of a price book, in decisions, budgets and records. */
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import t from "tap";
import type { Digest } from "../src/base/bytes.js";
import { canonicalBytes, canonicalJson } from "../src/base/canonical-json.js";
import { egressText, offerView } from "../src/cli/job/plan.js";
import { planJobs } from "../src/coordinator/api/plan-jobs.js";
import { spentAtMs } from "../src/coordinator/dispatch/deadlines.js";
import { offerMessage } from "../src/coordinator/wire.js";
import { OfferSchema } from "../src/gen/quipu/v1/jobs_pb.js";
import type { Decision, Offer } from "../src/model/decision.js";
import { costsWithin, type EgressRow, egressCost, type Pull } from "../src/model/egress.js";
import type { HostView } from "../src/model/host.js";
import { askedJob, jobBytes, jobDigest } from "../src/model/job.js";
import { fetchTo, fetchWeight } from "../src/model/locality.js";
import type { Place } from "../src/model/place.js";
import { type PriceBook, priceBook, priceBookDigest } from "../src/model/price-book.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { fleetPaper } from "../src/scheduler/placement/fleet.js";
import { replay } from "../src/scheduler/placement/replay.js";
import { CoordinatorWorld, FakeHost, result } from "./coordinator-world.js";
import { at, base, cpu, gpu, host, onnx, job as specOf } from "./scheduler-world.js";

t.setTimeout(60_000);

const gigabyte = 10 ** 9;
const placeOf = (country: string, parts: Partial<Place> = {}): Place => {
  return { country, zone: "", site: "private", grade: "claimed", ...parts };
};
const [sg, cl, de] = [placeOf("SG"), placeOf("CL"), placeOf("DE")];

const book = (parts: object = {}): PriceBook =>
  priceBook.parse({
    version: "quipu.dev/price-book/v1",
    name: "ways",
    currency: "USD",
    from: "2020-01-01T00:00:00Z",
    rates: [{ nanosPerSecond: 1_000_000 }],
    egress: [
      { from: { country: "SG" }, to: { country: "CL" }, nanosPerGigabyte: 80_000_000 },
      { nanosPerGigabyte: 20_000_000 },
    ],
    ...parts,
  });

/** A model of so many bytes that lies on a host. */
const pull = (place: Place, sizeBytes = gigabyte, name = "holder"): Pull => {
  return { sizeBytes, from: { host: name, place } };
};

function decideOn(
  hosts: readonly HostView[],
  pulls: readonly Pull[],
  parts: object,
  prices = book(),
) {
  const spec = specOf({ task: onnx, ...parts });
  const asked = { job: spec, jobDigest: jobDigest(spec), dataSet: undefined };
  const bounds = { pulls };
  const question = { id: "dec-1", at, policy: base, book: prices, bounds, ...asked };
  return { asked, ...decide(new Asks(new Board(hosts)), question) };
}

const costsOf = ({ offers }: Decision) => offers.map((one) => [one.host, one.egress?.nanos]);

t.test("the first row that matches says what bytes cost; what stays in a place costs none", (t) => {
  const zoned = placeOf("SG", { zone: "b", operator: "them" });
  const rows: readonly EgressRow[] = [
    { from: { country: "SG" }, to: { country: "CL" }, nanosPerGigabyte: 80 },
    { from: { operator: "us" }, to: { site: "public" }, nanosPerGigabyte: 70 },
    { from: { country: "DE", zone: "x" }, to: { country: "DE", zone: "x" }, nanosPerGigabyte: 5 },
    { to: { operator: "them" }, nanosPerGigabyte: 30 },
    { nanosPerGigabyte: 20 },
  ];
  const cost = (from: Place | undefined, place: Place, some = rows) => {
    const brought = from === undefined ? { sizeBytes: gigabyte } : pull(from);
    return Number(egressCost(some, [brought], { name: "there", place }));
  };
  t.equal(cost(sg, cl), 80);
  t.equal(cost(cl, sg), 20, "the other way is another one");
  t.equal(cost(placeOf("CL", { operator: "us" }), placeOf("CL", { site: "public" })), 70);
  t.equal(cost(sg, zoned), 30, "another zone is another place");
  t.equal(cost(zoned, zoned), 0, "a row without a side speaks of what leaves a place");
  const x = placeOf("DE", { zone: "x" });
  t.equal(cost(x, x), 5, "a row with both sides speaks of what stays, too");
  t.ok(costsWithin(rows, x));
  t.notOk(costsWithin(rows, zoned));
  t.equal(Number(egressCost(rows, [pull(x, gigabyte, "there")], { name: "there", place: x })), 0);
  t.equal(cost(undefined, cl), 20, "of a place that nobody knows only a row without `from`");
  t.equal(cost(undefined, zoned), 30);
  t.equal(cost(sg, de, rows.slice(0, 1)), 0, "what no row says costs nothing");

  const whole = fc.bigInt({ min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) });
  const rate = fc.bigInt({ min: 0n, max: 10n ** 12n });
  fc.assert(
    fc.property(fc.array(whole, { maxLength: 5 }), rate, (sizes, nanos) => {
      const pulls = sizes.map((size) => pull(sg, Number(size)));
      const ways = [{ nanosPerGigabyte: Number(nanos) }];
      const sum = egressCost(ways, pulls, { name: "there", place: cl });
      const exact = sizes.reduce((all, size) => all + size, 0n) * nanos;
      return sum * 10n ** 9n >= exact && (sum - 1n) * 10n ** 9n < exact; // rounded up, once
    }),
  );
  for (const wrong of [
    [],
    [{}],
    [{ nanosPerGigabyte: 0.5 }],
    [{ nanosPerGigabyte: -1 }],
    [{ nanosPerGigabyte: 10 ** 12 + 1 }],
    [{ from: { country: "sg" }, nanosPerGigabyte: 1 }],
    [{ to: { host: "sg-1" }, nanosPerGigabyte: 1 }],
  ]) {
    t.notOk(priceBook.safeParse({ ...book(), egress: wrong }).success, JSON.stringify(wrong));
  }
  t.end();
});

t.test("among equal hosts none wins to which bytes come dearer and from as far", async (t) => {
  const hosts = [host("cl-1", cl), host("de-1", de), host("sg-1", sg)];
  const { decision } = decideOn(hosts, [pull(sg, 50 * gigabyte)], {});
  t.same(costsOf(decision), [
    ["sg-1", 0],
    ["de-1", 1_000_000_000],
    ["cl-1", 4_000_000_000],
  ]);
  t.same(
    decision.offers.map(({ parts }) => parts.egress),
    [0, -42, -167],
    "an hour of the dearest device costs 3.6 and 150 points",
  );
  t.match(decision.offers[0]?.egress, { currency: "USD" });
  const none = decideOn(hosts, [], {}).decision;
  const unpriced = decideOn(hosts, [pull(sg)], {}, book({ egress: undefined })).decision;
  t.same(costsOf(unpriced), [
    ["sg-1", undefined],
    ["cl-1", undefined],
    ["de-1", undefined],
  ]);
  t.ok(Object.is(none.offers[0]?.parts.egress, 0), "nothing is brought");
  const free = book({ rates: [{ nanosPerSecond: 0 }] });
  t.equal(decideOn(hosts, [pull(sg)], {}, free).decision.offers[1]?.parts.egress, -400);
  const [far] = decideOn([host("cl-1", cl)], [pull(sg, 2 ** 53 - 1)], {}).decision.offers;
  t.equal(far?.egress?.nanos, 720_575_940_379_280, "an exact number");
  const dear = book({ egress: [{ nanosPerGigabyte: 10 ** 12 }] });
  const [most] = decideOn([host("cl-1", cl)], [pull(sg, 2 ** 53 - 1)], {}, dear).decision.offers;
  t.equal(most?.egress?.nanos, "9007199254740991000", "in digits where JSON holds none");
  t.equal(most?.parts.egress, -400, "and still less than public capacity costs");

  const anyPlace = fc.record({
    country: fc.constantFrom("SG", "CL", "DE", "CN"),
    zone: fc.constantFrom("", "a", "b"),
    site: fc.constant("private" as const),
    grade: fc.constant("claimed" as const),
  });
  const side = fc.option(
    fc.record(
      { country: fc.constantFrom("SG", "CL", "DE"), zone: fc.constantFrom("", "a") },
      { requiredKeys: [] },
    ),
    { nil: undefined },
  );
  const row = fc
    .tuple(side, side, fc.integer({ min: 0, max: 10 ** 11 }))
    .map(([from, to, nanosPerGigabyte]) => ({
      ...(from && { from }),
      ...(to && { to }),
      nanosPerGigabyte,
    }));
  const fleet = fc
    .array(anyPlace, { minLength: 1, maxLength: 6 })
    .map((places) => places.map((place, i) => host(`h-${i}`, place)));
  const sizes = fc.integer({ min: 0, max: 10 ** 12 });
  fc.assert(
    fc.property(
      fleet,
      fc.array(row, { minLength: 1, maxLength: 4 }),
      sizes,
      (views, rows, size) => {
        const holder = views[0] as HostView;
        const pulls = [pull(holder.place, size, holder.name), { sizeBytes: size }];
        const { decision: made } = decideOn(views, pulls, {}, book({ egress: rows }));
        const [best] = made.offers;
        const won = views.find(({ name }) => name === best?.host) as HostView;
        const paid = egressCost(rows, pulls, won);
        const far = (view: HostView) => fetchWeight(fetchTo(view, pulls));
        const isLeast = views.every((view) => {
          return paid <= egressCost(rows, pulls, view) || far(won) < far(view);
        });
        return isLeast && String(best?.egress?.nanos) === `${paid}`;
      },
    ),
  );
});

t.test("a host that holds an input is told apart where bytes cost inside its place", async (t) => {
  const alike = ["a", "b", "c"].map((name) => host(name, sg));
  const within = book({
    egress: [{ from: { country: "SG" }, to: { country: "SG" }, nanosPerGigabyte: 7_000 }],
  });
  const { decision } = decideOn(alike, [pull(sg, gigabyte, "b")], {}, within);
  t.same(costsOf(decision), [
    ["b", 0],
    ["a", 7_000],
  ]);
  t.match(decision.offers[1], { hosts: 2 }, "the others are one kind");
  const { offers } = decideOn(alike, [pull(sg, gigabyte)], {}).decision;
  t.match(offers, [{ host: "a", hosts: 3, egress: { nanos: 0 } }], "all, where none holds it");
});

t.test("a budget counts what bytes cost; records with them are made again", async (t) => {
  const hosts = [
    host("cl-1", cl),
    host("de-1", de, { devices: [cpu, gpu] }),
    host("sg-1", sg, { attached: false }),
  ];
  const budget = { currency: "USD", nanos: 3_660_000_000, seconds: 3_600 };
  const { decision, asked, lawPaper, origin } = decideOn(hosts, [pull(sg, 3 * gigabyte)], {
    budget,
  });
  t.match(decision.outcome, { kind: "placed", host: "de-1" });
  t.match(decision.reasons, [
    {
      rule: "price.budget",
      text: "3600 s cost 3.6 USD here, and bringing its inputs 0.24; the budget is 3.66.",
      named: ["cl-1"],
    },
    { rule: "host.detached", named: ["sg-1"] },
  ]);
  const exact = decideOn(hosts, [pull(sg, 3 * gigabyte + 1)], { budget }).decision;
  t.equal(exact.outcome.kind, "queued", "one byte more is a billionth more");
  const run = { host: "de-1", assignedAtMs: 1_000 };
  t.equal(spentAtMs(asked.job, run, decision), 3_601_000, "the rest is left for devices");

  const papers = new Map<Digest, Uint8Array>([
    [lawPaper.digest, lawPaper.content],
    [origin.digest, fleetPaper(origin).content],
    [priceBookDigest(book()), canonicalBytes(book())],
  ]);
  const record = JSON.parse(canonicalJson(decision)) as Decision;
  const again = await replay(record, asked, async (digest) => papers.get(digest));
  t.equal(canonicalJson(again), canonicalJson(decision));
  const { pulls: _, ...bounds } = record.bounds ?? {};
  const other = await replay({ ...record, bounds }, asked, async (digest) => papers.get(digest));
  t.not(canonicalJson(other), canonicalJson(decision), "sizes are a part of the record");
});

t.test("an offer says what its devices draw while a job runs, where that is known", async (t) => {
  const rates = [
    { kind: "cuda", nanosPerSecond: 1, watts: 700 },
    { country: "SG", nanosPerSecond: 1, watts: 0 },
    { nanosPerSecond: 1 },
  ];
  const two = [gpu, { ...gpu, id: "cuda:1" }];
  const hosts = [host("cl-1", cl), host("de-1", de, { devices: two }), host("sg-1", sg)];
  const energyOf = (parts: object) =>
    new Map(
      decideOn(hosts, [], parts, book({ rates })).decision.offers.map((offer) => {
        return [offer.host, offer.energyWattSeconds];
      }),
    );
  const budget = { currency: "USD", nanos: 10 ** 9, seconds: 3_600 };
  const known = energyOf({ budget });
  t.same([known.get("de-1"), known.get("sg-1"), known.get("cl-1")], [2_520_000, 0, undefined]);
  const [offer] = decideOn(hosts.slice(1, 2), [], { budget }, book({ rates })).decision.offers;
  const told = create(OfferSchema, offerMessage(offer as Offer));
  t.match(offerView(told), { energyWattSeconds: 2_520_000, egress: { nanos: 0 } });
  t.same([...energyOf({}).values()], [undefined, undefined, undefined], "nobody says how long");
});

t.test("a coordinator knows what a run would bring, and from where", async (t) => {
  const world = await CoordinatorWorld.open();
  const [here, there] = [new FakeHost(world), new FakeHost(world, "de-1", "DE")];
  await here.attach();
  await there.attach();
  const tensor = (model: unknown, name = "use") =>
    jobBytes(
      askedJob.parse({
        version: "quipu.dev/v1",
        name,
        task: { driver: "tensor", model, inputs: {} },
      }),
    );
  const decisionOf = async (id: string) => {
    const kept = await world.store.decisions.get((await world.job(id)).decisionId);
    return JSON.parse(new TextDecoder().decode(kept?.content)) as Decision;
  };
  world.artifacts.add(onnx.model);
  const plain = await world.one(tensor(onnx.model));
  t.equal((await decisionOf(plain)).bounds, undefined, "no book asks, and all are as near");
  await here.report(here.seal());

  Object.assign(world.coordinator.core.ports, { prices: [book()] });
  const brought = await world.one(tensor(onnx.model));
  const fromStore = await decisionOf(brought);
  t.same(fromStore.bounds, { pulls: [{ sizeBytes: gigabyte, held: ["sg-1"] }] });
  t.same(costsOf(fromStore), [
    ["sg-1", 20_000_000],
    ["de-1", 20_000_000],
  ]);
  await here.report(here.seal());
  const hashed = await world.one();
  t.equal((await decisionOf(hashed)).bounds, undefined, "it brings nothing");
  await here.report(here.seal());

  const [, use = ""] = await world.submit(
    jobBytes(specOf({ name: "make" })),
    tensor({ job: "make", output: "manifest.json" }),
  );
  const large = { ...result, outputs: [{ ...result.outputs[0], sizeBytes: 3 * gigabyte }] };
  await here.report(here.seal("succeeded", here.assign, (facts) => ({ ...facts, result: large })));
  const made = await decisionOf(use);
  t.match(made.bounds, {
    pulls: [{ sizeBytes: 3 * gigabyte, from: { host: "sg-1", place: { country: "SG" } } }],
  });
  t.same(costsOf(made), [
    ["sg-1", 0],
    ["de-1", 60_000_000],
  ]);

  const plan = planJobs(world.coordinator.core);
  const specs = [tensor(onnx.model), tensor(`sha256:${"b".repeat(64)}`)];
  const { plans = [] } = await plan({ specs, all: false } as never, {} as never);
  const told = plans.map(({ offers = [] }) => offers.map(({ egress }) => egress));
  t.match(told, [[{ currency: "USD", nanos: 20_000_000n }], [undefined]]);
  await here.report(here.seal());
  const request = { specs: [tensor({ job: "make", output: "manifest.json" })], all: false };
  const [later] = (await plan(request as never, {} as never)).plans ?? [];
  t.match(
    later?.offers?.map(({ host, egress }) => [host, egress?.nanos]),
    [
      ["sg-1", 0n],
      ["de-1", 60_000_000n],
    ],
  );
  const texts = [0, 1, 20_000_000, "9007199254740991000"].map((nanos) =>
    egressText({ egress: { currency: "USD", nanos } } as never),
  );
  t.same(texts, ["0.00 USD", "0.01 USD", "0.02 USD", "9007199254.75 USD"]);
  t.equal(egressText({ egress: null } as never), "-");
  t.same(world.troubles, []);
});
