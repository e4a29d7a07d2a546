import fc from "fast-check";
import t from "tap";
import type { Digest } from "../src/base/bytes.js";
import { canonicalBytes, canonicalJson } from "../src/base/canonical-json.js";
import { randomInteger, seededRandom } from "../src/base/random.js";
import type { Decision, LawGroup, Offer } from "../src/model/decision.js";
import type { Device, HostView } from "../src/model/host.js";
import { type JobSpec, jobDigest } from "../src/model/job.js";
import {
  bookAt,
  type PriceBook,
  priceBook,
  priceBookDigest,
  priceOf,
} from "../src/model/price-book.js";
import { Asks, type Law } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { explain } from "../src/scheduler/placement/explain.js";
import { fleetPaper, readFleet } from "../src/scheduler/placement/fleet.js";
import { recallAsk, replay } from "../src/scheduler/placement/replay.js";
import { loadPolicy } from "../src/scheduler/policy/engine.js";
import type { Verdict } from "../src/scheduler/policy/verdict.js";
import {
  type AnyCase,
  anyCase,
  anyHost,
  ask,
  at,
  base,
  baseText,
  cl,
  cpu,
  dataSet,
  de,
  digits,
  gpu,
  host,
  job,
  jobOf,
  judge,
  place,
  sg,
} from "./scheduler-world.js";

t.test("placed, queued, refused; private before public; each host once", async (t) => {
  const personal = dataSet("personal", ["SG", "CL"]);
  const spec = job({ dataSet: "digits" });
  const placed = ask(spec, [de, sg, cl], personal);
  t.same(placed.outcome, { kind: "placed", host: "cl-1", device: "cpu" });
  t.same(
    placed.offers.map(({ host, parts, rules }) => ({ host, parts, rules })),
    ["cl-1", "sg-1"].map((name) => ({
      host: name,
      parts: { device: 200, idle: 100 },
      rules: ["base.run", "base.read"],
    })),
  );
  t.same(
    placed.reasons.map(({ named, rule, hosts }) => [named, rule, hosts]),
    [[["de-1"], "residency.personal", 1]],
  );
  t.match(
    explain(placed).sentence,
    /^Placed on cl-1 \(CL, private\), device cpu: it scores best of 2/,
  );

  const busy = { busyDevices: ["cpu"] };
  const full = [{ ...sg, ...busy }, { ...cl, ...busy }, de];
  const queued = ask(spec, full, personal);
  t.same(queued.outcome, { kind: "queued" });
  t.same(explain(queued), {
    sentence: "Waiting for cl-1, sg-1: Every fitting device is busy: cpu.",
    change: "It waits until a run on one of them ends.",
    rule: "device.busy",
  });

  const burst = ask(job(), full);
  t.same(burst.outcome, { kind: "placed", host: "de-1", device: "cpu" });
  t.equal(burst.offers[0]?.parts.burst, -1000);
  t.match(explain(burst).sentence, /no lawful private host has room, so it bursts/);
  t.equal(ask(job(), [sg, de]).offers[0]?.host, "sg-1", "no burst while a private host has room");

  const refused = ask(spec, [de], personal);
  t.same(refused.outcome, { kind: "refused" });
  t.match(explain(refused), {
    rule: "residency.personal",
    sentence: /^Refused by residency\.personal on de-1: Personal data may/,
  });
  const away = { ...sg, attached: false, devices: [] };
  t.equal(ask(spec, [away, de], personal).outcome.kind, "queued", "a lawful host may come back");
  const only = job({ dataSet: "digits", placement: { countries: ["DE"] } });
  const decision = ask(only, [sg, cl, de], personal);
  t.equal(decision.outcome.kind, "refused");
  t.equal(explain(decision).rule, "residency.personal", "law is named before the job's own wish");
  const empty = ask(spec, [], personal);
  t.same(empty.outcome, { kind: "queued" });
  t.match(empty.reasons, [{ hosts: 0, named: [], rule: "fleet.empty" }]);
  t.match(explain(empty).sentence, /no host has joined/);
  t.throws(() => ask(job(), [sg, sg]), { code: "CONFLICT" });
});

t.test("each filter names itself; devices are chosen to fit", async (t) => {
  const onnx = { driver: "tensor", model: digits, inputs: {} };
  const two = { devices: [cpu, gpu] };
  const rules: [Record<string, unknown>, Partial<HostView>, string][] = [
    [{ placement: { hosts: ["de-1"] } }, {}, "placement.hosts"],
    [{ placement: { countries: ["DE"] } }, {}, "placement.countries"],
    [{ placement: { countries: [] } }, {}, "placement.countries"],
    [{ placement: { sites: ["public"] } }, {}, "placement.sites"],
    [{ dataSet: "digits" }, { dataSets: [] }, "data.absent"],
    [{}, { attached: false }, "host.detached"],
    [{}, { cordoned: true }, "host.cordoned"],
    [{ resources: { device: "cuda" } }, {}, "device.kind"],
    [{}, { devices: [] }, "device.kind"],
    [{ task: { ...onnx, backend: "avx512" } }, two, "device.backend"],
    [{ resources: { memoryBytes: 2 ** 35 } }, {}, "device.memory"],
    [{ resources: { device: "cpu", memoryBytes: 2 ** 35 } }, two, "device.memory"],
    [{ resources: { device: "cuda" } }, { ...two, busyDevices: ["cuda:0"] }, "device.busy"],
  ];
  for (const [parts, view, rule] of rules) {
    const spec = job(parts);
    const data = spec.dataSet === undefined ? undefined : dataSet("public", []);
    const decision = ask(spec, [{ ...sg, ...view }], data);
    t.same(
      decision.reasons.map((reason) => reason.rule),
      [rule],
    );
    t.ok(decision.reasons[0]?.text && explain(decision).change, `${rule} is explained`);
    const binding = rule.startsWith("placement.");
    t.equal(decision.outcome.kind, binding ? "refused" : "queued", `${rule}: outcome`);
  }
  const device = (parts: Record<string, unknown>, view: Partial<HostView>) =>
    ask(job(parts), [{ ...sg, ...view }]).offers[0]?.device;
  const small = { ...gpu, id: "cuda:10", memoryBytes: 2 ** 36 };
  t.equal(device({}, two), "cpu", "hashing takes the CPU");
  t.equal(device({ task: onnx }, two), "cuda:0", "tensor work takes the GPU");
  t.equal(device({ task: onnx }, { ...two, busyDevices: ["cuda:0"] }), "cpu");
  t.equal(device({ task: onnx }, { devices: [gpu, small, cpu] }), "cuda:10", "smallest that fits");
  t.equal(device({ task: { ...onnx, backend: "portable" } }, two), "cpu");
  const same = [
    { ...gpu, id: "cuda:10" },
    { ...gpu, id: "cuda:2" },
  ];
  t.equal(device({ task: onnx }, { devices: same }), "cuda:2", "numbers, not text");
});

/** Throws what is wrong with a decision about one random case, whatever it decided. */
function checkDecision({ fleet, data }: AnyCase, spec: JobSpec, decision: Decision): void {
  const { offers, reasons, outcome } = decision;
  for (const { host: name, device } of offers) {
    const view = fleet.find((each) => each.name === name);
    if (view === undefined) throw new Error(`${name} is not in the fleet`);
    if (!base.runOn({ job: spec, dataSet: data, host: view, at }).allowed) {
      throw new Error(`${name} was offered against the law`);
    }
    const { countries, sites, hosts } = spec.placement;
    const wished =
      (countries?.includes(view.place.country) ?? true) &&
      (sites?.includes(view.place.site) ?? true) &&
      (hosts?.includes(name) ?? true);
    const holds = data === undefined || view.dataSets.includes(data.name);
    if (!wished || !holds || !view.attached || view.cordoned || view.busyDevices.includes(device)) {
      throw new Error(`${name} does not fit`);
    }
  }
  const told = [...offers, ...reasons].reduce((sum, row) => sum + row.hosts, 0);
  if (told !== fleet.length) throw new Error("each host once");
  for (const { rule, text } of reasons) {
    if (!rule || rule === "law" || !text) throw new Error("a refusal names rule and text");
  }
  const placed = outcome.kind === "placed";
  if (placed !== offers.length > 0) throw new Error("placed where something is offered");
  const { sentence, change } = explain(decision);
  if (!sentence || placed !== (change === "")) throw new Error("every outcome is explained");
  const privateRoom = offers.some(({ place: { site } }) => site === "private");
  if (privateRoom && offers[0]?.place.site !== "private") throw new Error("private before public");
}

t.test("properties over random fleets", async (t) => {
  const seen = { placed: 0, queued: 0, refused: 0 };
  fc.assert(
    fc.property(anyCase, anyHost("extra"), fc.nat(), (one, extra, turn) => {
      const { fleet, data } = one;
      const spec = jobOf(one);
      const decision = ask(spec, fleet, data);
      const { kind } = decision.outcome;
      seen[kind] += 1;
      checkDecision(one, spec, decision);

      const cut = fleet.length === 0 ? 0 : turn % fleet.length;
      const turned = [...fleet.slice(cut), ...fleet.slice(0, cut)].reverse();
      if (canonicalJson(ask(spec, turned, data)) !== canonicalJson(decision)) {
        throw new Error("the order of hosts matters");
      }
      const grown = ask(spec, [...fleet, extra], data).outcome.kind;
      if (kind === "placed" && grown !== "placed") throw new Error("a host took a place away");
      if (kind === "queued" && fleet.length > 0 && grown === "refused") {
        throw new Error("a host more made it unlawful");
      }
    }),
    { numRuns: 400 },
  );
  t.ok(seen.placed > 20 && seen.queued > 20 && seen.refused > 20, JSON.stringify(seen));
});

t.test("whatever the scores, a forbid keeps a host out", async (t) => {
  const none = {
    digest: base.digest,
    namesJobs: false,
    namesHosts: false,
    holdsUntilMs: () => Number.POSITIVE_INFINITY,
    runOn: (): Verdict => ({ allowed: false, rule: "x.none", text: "Nowhere." }),
  };
  fc.assert(
    fc.property(anyCase, (one) => {
      const decision = ask(jobOf(one), one.fleet, one.data, none);
      return decision.offers.length === 0 && decision.outcome.kind !== "placed";
    }),
  );
  t.equal(ask(job(), [sg], undefined, none).outcome.kind, "refused");
});

t.test("a large set and a large fleet stay small work: equal places are asked once", async (t) => {
  const filler = Array.from(
    { length: 200 },
    (_, i) => `@id("f.r${i}") @says("filler")
      forbid (principal, action == Action::"run_on", resource)
      when { principal.purpose == "p${i}" && resource.country == "CL" };`,
  ).join("\n");
  const large = loadPolicy({ "base.cedar": baseText, "filler.cedar": filler });
  t.equal(large.rules.size, base.rules.size + 200);
  const fleet = Array.from({ length: 5000 }, (_, i) =>
    host(`h-${i}`, place(i % 2 ? "SG" : "CL", "private")),
  );
  const decision = ask(job({ purpose: "p7" }), fleet, undefined, large);
  t.match(decision.offers, [{ host: "h-1", hosts: 2500 }]);
  t.match(decision.reasons, [
    { rule: "f.r7", hosts: 2500, named: ["h-0", "h-10", "h-100", "h-1000"] },
  ]);
  t.match(explain(decision).sentence, /^Placed on h-1 .* scores best of 2500 lawful hosts/);
  const unlawful = ask(
    job({ purpose: "p7", placement: { sites: ["private"] } }),
    fleet.slice(0, 1),
    undefined,
    large,
  );
  t.match(explain(unlawful).sentence, /^Refused by f\.r7 on h-0: filler/);
});

t.test(
  "a decision is made again from its record, byte for byte, and others from the same fleet",
  async (t) => {
    const papers = new Map<Digest, Uint8Array>();
    const records: { decision: Decision; spec: JobSpec }[] = [];
    const random = seededRandom(5);
    const wish = () => randomInteger(random, 3);
    const board = new Board([]);
    const asks = new Asks(board);
    const view = (i: number) =>
      host(`h-${i}`, place(["SG", "CL", "DE"][i % 3] as string, i % 2 ? "private" : "public"), {
        devices: i % 4 === 0 ? [cpu, gpu] : [cpu],
        attached: wish() > 0,
        busyDevices: wish() === 0 ? ["cpu"] : [],
      });
    for (let round = 0; round < 3_800; round += 1) {
      for (let i = 0; i < 14; i += 1) if (round === 0 || wish() === 0) board.put(view(i));
      for (let i = 0; i < 4; i += 1) {
        const spec = job(
          wish() === 0 ? { placement: { countries: ["SG", "CL"] } } : { name: `j${i}` },
        );
        const { decision, origin, lawPaper } = judge(asks, spec);
        if (decision.outcome.kind !== "placed") continue;
        records.push({ decision, spec });
        papers.set(lawPaper.digest, lawPaper.content);
        if (!papers.has(origin.digest)) papers.set(origin.digest, fleetPaper(origin).content);
        if (wish() > 0) board.kept(origin);
        board.take(decision.outcome.host, decision.outcome.device);
      }
    }
    t.ok(records.length > 10_000, `${records.length} placements`);
    t.ok(
      [...papers.values()].filter((content) => content.length < 1500).length > 50,
      "most say what is new",
    );
    const read = async (digest: Digest) => papers.get(digest);
    let same = 0;
    for (const { decision, spec } of records) {
      const asked = { job: spec, jobDigest: jobDigest(spec), dataSet: undefined };
      const made = await replay(decision, asked, read);
      if (canonicalJson(made) === canonicalJson(decision)) same += 1;
    }
    t.equal(same, records.length);
    const report = JSON.parse(
      new TextDecoder().decode(papers.get(records[0]?.decision.lawDigest as Digest)),
    );
    t.equal(
      report.groups.reduce((sum: number, group: LawGroup) => sum + group.hosts, 0),
      14,
    );
    t.equal(report.groups.length, 6);
    const [first] = records;
    const digest = first?.decision.fleetDigest as Digest;
    await t.rejects(
      readFleet(digest, async () => undefined),
      { code: "NOT_FOUND" },
    );
    const short = canonicalBytes({ version: "quipu.dev/fleet/v2", hosts: [] });
    await t.rejects(
      readFleet(digest, async () => short),
      { code: "CONFLICT" },
    );
    const { decision, spec } = first as (typeof records)[number];
    const asked = { job: spec, dataSet: undefined };
    const then = await recallAsk(decision, asked, read);
    const { host: chosen, score, parts, rules } = decision.offers[0] as Offer;
    t.same(then.of(chosen), { score, parts, rules }, "a host that had room");
    const [reason] = decision.reasons;
    t.match(then.of(reason?.named[0] ?? ""), { fault: { rule: reason?.rule, text: reason?.text } });
    const forged = async (name: Digest) =>
      name === decision.lawDigest ? canonicalBytes({ groups: [] }) : papers.get(name);
    await t.rejects(recallAsk(decision, asked, forged), { code: "CONFLICT" });
  },
);

t.test("a board says the same as one made anew, whatever came in between", async () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.nat(6).chain((i) => anyHost(`h-${i}`)),
        { maxLength: 40 },
      ),
      anyCase,
      (puts, one) => {
        const board = new Board([]);
        const asks = new Asks(board);
        const last = new Map<string, HostView>();
        for (const view of puts) {
          board.put(view);
          last.set(view.name, view);
          judge(asks, jobOf(one), one.data);
        }
        const there = judge(asks, jobOf(one), one.data).decision;
        const anew = ask(jobOf(one), [...last.values()].reverse(), one.data);
        const bare = ({ taken: _, ...decision }: Decision) => canonicalJson(decision);
        return bare(there) === bare(anew);
      },
    ),
    { numRuns: 200 },
  );
});

t.test("rules and jobs that name hosts are asked host by host", async (t) => {
  const named = loadPolicy({
    "base.cedar": baseText,
    "named.cedar": `@id("x.not-sg2") @says("Not there")
      forbid (principal, action == Action::"run_on", resource == Host::"sg-2");`,
  });
  const fleet = [1, 2, 3].map((i) => ({ ...sg, name: `sg-${i}` }));
  const decision = ask(job(), fleet, undefined, named);
  t.same(
    decision.offers.map(({ host }) => host),
    ["sg-1", "sg-3"],
  );
  t.match(decision.reasons, [{ rule: "x.not-sg2", named: ["sg-2"], hosts: 1 }]);
  const asks = new Asks(new Board(fleet));
  const spec = job({ placement: { hosts: ["sg-3"] } });
  t.same(judge(asks, spec).decision.outcome, { kind: "placed", host: "sg-3", device: "cpu" });
  const one = asks.ask(base, { job: spec, at }, undefined);
  t.match(one.of("sg-1"), { fault: { rule: "placement.hosts" } });
  t.match(one.of("sg-3"), { rules: ["base.run"] });
  t.equal(one.of("sg-9"), undefined);
});

const book = (parts: object = {}): PriceBook =>
  priceBook.parse({
    version: "quipu.dev/price-book/v1",
    name: "winter",
    currency: "USD",
    from: "2026-01-01T00:00:00Z",
    rates: [
      { kind: "cuda", model: "H200", country: "SG", nanosPerSecond: 1_000_000 },
      { kind: "cuda", nanosPerSecond: 800_000 },
      { country: "CL", site: "private", nanosPerSecond: 20_000 },
      { kind: "cpu", country: "SG", nanosPerSecond: 10_000 },
    ],
    ...parts,
  });

t.test("price books: the first row that matches, the book that began last", async (t) => {
  const priced = (view: HostView, device: Device) => priceOf(book(), view.place, device);
  t.same(priced(sg, gpu), { currency: "USD", nanosPerSecond: 1_000_000 });
  t.equal(priced(cl, gpu)?.nanosPerSecond, 800_000);
  t.equal(priced(cl, cpu)?.nanosPerSecond, 20_000);
  t.equal(priced(de, cpu), undefined, "no row, no price");
  const later = book({ name: "spring", from: "2026-03-01T00:00:00Z" });
  const short = book({ name: "day", from: "2026-01-05T00:00:00Z", until: "2026-01-06T00:00:00Z" });
  const named = (at: string) => bookAt([later, book(), short], at)?.name;
  t.same(
    ["2025-12-31", "2026-01-02", "2026-01-05", "2026-01-06", "2026-03-01"].map((day) =>
      named(`${day}T00:00:00Z`),
    ),
    [undefined, "winter", "day", "winter", "spring"],
  );
  t.ok(book({ until: "2026-01-01T00:00:00.5Z" }), "half a second");
  t.not(priceBookDigest(later), priceBookDigest(book()));
  for (const wrong of [
    { currency: "usd" },
    { rates: [] },
    { rates: [{ nanosPerSecond: 0.5 }] },
    { rates: [{ nanosPerSecond: -1 }] },
    { from: "2026-01-01" },
    { until: "2025-01-01T00:00:00Z" },
    { from: "2026-01-01T00:00:00.5Z", until: "2026-01-01T00:00:00Z" },
    { colour: "red" },
  ]) {
    t.notOk(priceBook.safeParse({ ...book(), ...wrong }).success, JSON.stringify(wrong));
  }
});

t.test("the cheapest lawful host first; law and private capacity before any price", async (t) => {
  const asks = new Asks(new Board([sg, cl, de]));
  const question = { id: "dec-1", at, job: job(), jobDigest: digits, dataSet: undefined };
  const { decision, book: kept } = decide(asks, { ...question, policy: base, book: book() });
  t.match(decision.offers, [
    { host: "sg-1", parts: { price: -2 }, price: { currency: "USD", nanosPerSecond: 10_000 } },
    { host: "cl-1", parts: { price: -3 }, price: { nanosPerSecond: 20_000 } },
    { host: "de-1", parts: { price: -150, burst: -1000 } },
  ]);
  t.equal(
    decision.offers[2]?.price,
    undefined,
    "what has no price says none, and counts as the dearest",
  );
  t.equal(decision.priceBookDigest, priceBookDigest(book()));
  t.equal(kept?.name, "winter");
  const free = book({ rates: [{ nanosPerSecond: 0 }] });
  const gift = decide(asks, { ...question, policy: base, book: free }).decision;
  t.equal(gift.offers[0]?.host, "cl-1", "another book is asked anew");
  t.ok(Object.is(gift.offers[0]?.parts.price, 0), "nothing, and not minus nothing");
  t.equal(decide(asks, { ...question, policy: base }).decision.priceBookDigest, undefined);

  const half = { devices: [cpu, { ...gpu, id: "cuda:0" }], busyDevices: ["cuda:0"] };
  const two = [host("a", sg.place), host("b", sg.place, half)];
  t.equal(ask(job(), two).offers[0]?.host, "a", "spread: the host with the most free");
  const packed = ask(job({ placement: { prefer: "pack" } }), two);
  t.match(packed.offers[0], { host: "b", parts: { packed: 50 } });
});

t.test("a decision with prices is made again from its papers", async (t) => {
  const board = new Board([sg, cl, de]);
  const asked = { job: job(), jobDigest: digits, dataSet: undefined };
  const made = decide(new Asks(board), { id: "dec-1", at, ...asked, policy: base, book: book() });
  const papers = new Map<string, Uint8Array>([
    [made.lawPaper.digest, made.lawPaper.content],
    [made.origin.digest, fleetPaper(made.origin).content],
    [priceBookDigest(book()), canonicalBytes(book())],
  ]);
  const read = async (name: Digest) => papers.get(name);
  t.same(await replay(made.decision, asked, read), made.decision);
  papers.delete(priceBookDigest(book()));
  await t.rejects(replay(made.decision, asked, read), { code: "NOT_FOUND" });
});

t.test(
  "a run on a device that is gone keeps no other from its host; cells do not pile up",
  async (t) => {
    t.ok(new Board([{ ...sg, busyDevices: ["cuda:0"] }]).hasRoom());
    t.notOk(new Board([{ ...sg, busyDevices: ["cpu"] }]).hasRoom());
    const view = (i: number, busyDevices: string[]) =>
      host(`h-${i}`, sg.place, {
        devices: [{ ...cpu, memoryBytes: 2 ** 30 + 4096 * i }, gpu, { ...gpu, id: "cuda:1" }],
        busyDevices,
      });
    const board = new Board(Array.from({ length: 50 }, (_, i) => view(i, [])));
    const random = seededRandom(3);
    for (let turn = 0; turn < 2_000; turn += 1) {
      const ids = ["cpu", "cuda:0", "cuda:1"].filter(() => randomInteger(random, 2) === 0);
      board.put(view(randomInteger(random, 50), ids));
    }
    t.ok(board.cells.length <= 101, `${board.cells.length} cells of 50 hosts`);
    const fresh = new Board(board.names().map((name) => board.view(name) as HostView));
    t.equal(fresh.origin().digest, board.origin().digest);
    t.same(
      judge(new Asks(board), job()).decision.offers,
      judge(new Asks(fresh), job()).decision.offers,
    );
  },
);

t.test("kinds of question up to the limit are all remembered", async (t) => {
  let asked = 0;
  const counting: Law = {
    ...base,
    digest: base.digest,
    namesJobs: false,
    namesHosts: false,
    holdsUntilMs: (...given) => base.holdsUntilMs(...given),
    runOn: (request) => {
      asked += 1;
      return base.runOn(request);
    },
  };
  const asks = new Asks(new Board([sg]));
  for (let turn = 0; turn < 3; turn += 1) {
    for (let kind = 0; kind < 256; kind += 1)
      judge(asks, job({ owner: `o-${kind}` }), undefined, counting);
  }
  t.equal(asked, 256);
});
