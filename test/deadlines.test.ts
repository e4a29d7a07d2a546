/** What ends a job from outside: its deadline and its budget. */
import t from "tap";
import { canonicalBytes, canonicalJson } from "../src/base/canonical-json.js";
import { timestamp } from "../src/base/clock.js";
import { exitOf } from "../src/cli/job/follow.js";
import { jobDigest } from "../src/model/job.js";
import { amountText, type PriceBook, priceBookDigest } from "../src/model/price-book.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { explain } from "../src/scheduler/placement/explain.js";
import { fleetPaper } from "../src/scheduler/placement/fleet.js";
import { replay } from "../src/scheduler/placement/replay.js";
import { CoordinatorWorld, FakeHost, job, times } from "./coordinator-world.js";
import { failure } from "./failure.js";
import { at, base, cl, de, sg, job as specOf } from "./scheduler-world.js";

t.setTimeout(60_000);

const book: PriceBook = {
  version: "quipu.dev/price-book/v1",
  name: "2026-01",
  currency: "USD",
  from: "2026-01-01T00:00:00Z",
  rates: [
    { country: "SG", nanosPerSecond: 2_000_000 },
    { country: "CL", nanosPerSecond: 1_000_000 },
  ],
};

t.test(
  "a budget keeps dearer devices out, and whatever has no price in its currency",
  async (t) => {
    const ask = (budget: object, prices: PriceBook | null = book) => {
      const spec = specOf({ budget });
      const question = { id: "dec-1", at, policy: base, job: spec, jobDigest: jobDigest(spec) };
      const asks = new Asks(new Board([sg, cl, de]));
      return {
        spec,
        ...decide(asks, { ...question, dataSet: undefined, book: prices ?? undefined }),
      };
    };
    const enough = { currency: "USD", nanos: 3_600_000_000, seconds: 3_600 };
    const { spec, decision, lawPaper, origin } = ask(enough);
    t.match(decision.outcome, { kind: "placed", host: "cl-1" });
    t.same(
      decision.reasons.map(({ rule, text, named }) => [rule, text, named]),
      [
        ["price.budget", "No device here has a price in USD.", ["de-1"]],
        ["price.budget", "3600 s cost 7.2 USD here; the budget is 3.6.", ["sg-1"]],
      ],
    );
    const papers = new Map([
      [lawPaper.digest, lawPaper.content],
      [priceBookDigest(book), canonicalBytes(book)],
      [origin.digest, fleetPaper(origin).content],
    ]);
    const asked = { job: spec, jobDigest: jobDigest(spec), dataSet: undefined };
    const made = await replay(decision, asked, async (digest) => papers.get(digest));
    t.equal(canonicalJson(made), canonicalJson(decision), "and so it is replayed");
    const short = ask({ ...enough, nanos: 3_599_999_999 }).decision;
    t.equal(short.outcome.kind, "refused");
    t.match(explain(short), { rule: "price.budget", change: /its budget grows/ });
    t.equal(ask({ ...enough, currency: "EUR" }).decision.outcome.kind, "refused");
    t.equal(
      ask(enough, null).decision.outcome.kind,
      "refused",
      "what has no price may cost anything",
    );
    t.same([0n, 1n, 1_250_000_000n, 7n * 10n ** 9n].map(amountText), [
      "0",
      "0.000000001",
      "1.25",
      "7",
    ]);
  },
);

t.test("a job that has not ended by its deadline ends, wherever it is", async (t) => {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  const inMs = (ms: number) => timestamp(1_800_000_000_000 + world.nowMs + ms);
  const past = await failure(world.submit(job({ deadline: inMs(-1) })));
  t.match(past, { code: "JOB_FILE_INVALID", message: /deadline: .* has passed/ });
  await host.attach();
  const running = await world.one(job({ deadline: inMs(5_000) }));
  const [queued = "", behind = "", free = ""] = await world.submit(
    job({ name: "queued", deadline: inMs(4_000) }),
    job({ name: "behind", after: ["queued"] }),
    job(),
  );
  await host.running();
  await world.start();
  const { assign } = host;
  await host.attach([assign]);
  await world.advance(3_000);
  t.equal(await world.state(queued), "queued");
  await world.advance(1_001);
  t.match(await world.job(queued), {
    state: "cancelled",
    failure: { code: "DEADLINE_EXCEEDED", message: /its deadline, 20.*Z, has passed/ },
  });
  t.match(await world.job(behind), { state: "cancelled", failure: { code: "DEPENDENCY_FAILED" } });
  t.equal(await world.state(running), "running");
  await world.advance(1_000);
  t.match(host.all("cancel"), [{ runId: assign.runId, reason: /deadline/ }]);
  t.same(await world.store.jobs.due(9, 2e12), [], "those that were told hide no others");
  await host.report(host.seal("cancelled", assign));
  const ended = await world.job(running);
  t.match(ended, { state: "cancelled", failure: { code: "DEADLINE_EXCEEDED" } });
  const view = { ...ended, startedAt: "then", failure: ended.failure ?? null };
  t.same(exitOf(view as never), { code: 7, by: "job" });
  t.equal(await world.state(free), "placed");
});

t.test(
  "a run that has cost what its budget allows is stopped, also by the next process",
  async (t) => {
    const world = await CoordinatorWorld.open();
    const price = { ...book, from: "2020-01-01T00:00:00Z" };
    const priced = () => Object.assign(world.coordinator.core.ports, { prices: [price] });
    priced();
    const host = new FakeHost(world);
    await host.attach();
    const budget = { currency: "USD", nanos: 10_000_000, seconds: 1 };
    const id = await world.one(job({ budget }));
    await host.running();
    const { assign } = host;
    await world.start();
    priced();
    await host.attach([assign]);
    await world.advance(4_999);
    t.same(host.all("cancel"), []);
    await world.advance(1);
    t.match(host.all("cancel"), [{ reason: /what its budget allows/ }]);
    await host.beat(assign);
    await host.report(host.seal("cancelled", assign));
    t.match(await world.job(id), { state: "cancelled", failure: { code: "BUDGET_SPENT" } });
    t.ok(times.leaseMs > 5_000, "no lease had ended by then");
  },
);
