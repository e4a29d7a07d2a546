/** Decisions made again from their records, the board that they are made from, and prices. */
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
import { fleetPaper, readFleet } from "../src/scheduler/placement/fleet.js";
import { recallAsk, replay } from "../src/scheduler/placement/replay.js";
import { loadPolicy } from "../src/scheduler/policy/engine.js";
import {
  anyCase,
  anyHost,
  ask,
  at,
  base,
  baseText,
  cl,
  cpu,
  de,
  digits,
  gpu,
  holding,
  host,
  job,
  jobOf,
  judge,
  onnx,
  place,
  sg,
} from "./scheduler-world.js";

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
        load: wish() === 0 ? holding("cpu") : [],
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
        board.take(decision.outcome.host, decision.outcome);
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
  t.match(judge(asks, spec).decision.outcome, { kind: "placed", host: "sg-3", device: "cpu" });
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

  const half = { devices: [cpu, { ...gpu, id: "cuda:0" }], load: holding("cuda:0") };
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
    t.ok(new Board([{ ...sg, load: holding("cuda:0") }]).hasRoom());
    t.notOk(new Board([{ ...sg, load: holding("cpu") }]).hasRoom());
    const view = (i: number, held: string[]) =>
      host(`h-${i}`, sg.place, {
        devices: [{ ...cpu, memoryBytes: 2 ** 30 + 4096 * i }, gpu, { ...gpu, id: "cuda:1" }],
        load: holding(...held),
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

t.test("light runs share a device as far as its slots and its memory go", (t) => {
  const light = fc.record({ whole: fc.boolean(), memoryBytes: fc.integer({ min: 0, max: 4 }) });
  const size = fc.record({
    slots: fc.integer({ min: 1, max: 4 }),
    memoryBytes: fc.integer({ min: 1, max: 8 }),
  });
  fc.assert(
    fc.property(fc.array(light, { maxLength: 12 }), size, (wishes, { slots, memoryBytes }) => {
      const device = { ...cpu, slots, memoryBytes };
      const board = new Board([host("a", sg.place, { devices: [device] })]);
      const asks = new Asks(board);
      let [held, heldBytes] = [0, 0];
      for (const wish of wishes) {
        const task = wish.whole ? { task: onnx } : {};
        const resources = { memoryBytes: wish.memoryBytes };
        const { outcome } = judge(asks, job({ ...task, resources })).decision;
        const takes = wish.whole ? slots : 1;
        const fits = held + takes <= slots && heldBytes + wish.memoryBytes <= memoryBytes;
        if (fits !== (outcome.kind === "placed")) throw new Error(`${outcome.kind}, not so`);
        if (outcome.kind !== "placed") continue;
        if (outcome.slots !== takes) throw new Error(`takes ${outcome.slots}`);
        board.take("a", outcome);
        [held, heldBytes] = [held + takes, heldBytes + wish.memoryBytes];
        if (board.hasRoom() !== held < slots) throw new Error("room");
      }
    }),
    { numRuns: 300 },
  );
  t.end();
});

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

t.test("a device of another kind than those that have answered is asked first", (t) => {
  const both = { ...sg, devices: [cpu, gpu] };
  const asked = (hosts: readonly HostView[]) => {
    const jobFacts = { job: job(), jobDigest: jobDigest(job()), dataSet: undefined };
    const bounds = { auditedKinds: ["cpu"] } as const;
    const question = { ...jobFacts, id: "dec-1", at, policy: base, bounds };
    return decide(new Asks(new Board(hosts)), question).decision;
  };
  t.match(asked([both]).outcome, { kind: "placed", device: "cuda:0" });
  const busy = { ...both, load: holding("cuda:0") };
  t.match(asked([busy]), {
    outcome: { kind: "queued" },
    reasons: [{ rule: "device.busy", text: "Every fitting device is busy: cuda:0." }],
  });
  t.match(asked([{ ...sg, devices: [cpu] }]), {
    outcome: { kind: "queued" },
    reasons: [{ rule: "audit.kind" }],
  });
  t.end();
});

t.test("hosts that have answered are told apart from those that are like them", (t) => {
  const alike = Array.from({ length: 9 }, (_, at) => ({ ...sg, name: `sg-${at}` }));
  for (const namesHosts of [false, true]) {
    const law: Law = {
      ...{ ...base, digest: base.digest, namesJobs: false, namesHosts },
      holdsUntilMs: (...given) => base.holdsUntilMs(...given),
      runOn: (request) => base.runOn(request),
    };
    const asks = new Asks(new Board([...alike, de]));
    const question = { job: job(), dataSet: undefined, at, bounds: { audited: ["sg-0", "sg-4"] } };
    const asked = { ...question, id: "dec-1", jobDigest: jobDigest(job()), policy: law };
    const { offers, reasons } = decide(asks, asked).decision;
    t.match(offers[0], { host: "sg-1", hosts: namesHosts ? 1 : 7 });
    t.match(reasons, [{ rule: "audit.elsewhere", hosts: 2, named: ["sg-0", "sg-4"] }]);
    const groups = [...asks.ask(law, question, undefined).alike()];
    t.equal(groups.flat().filter((name) => name !== "sg-0" && name !== "sg-4").length, 8);
    t.equal(groups.length, namesHosts ? 10 : 2, "each kind is looked at once");
  }
  t.end();
});
