/** What was used, summed over receipts as the log has them; and CSV. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import t from "tap";
import { csvText } from "../src/cli/table.js";
import { Totals } from "../src/cli/usage/totals.js";
import { listUsage } from "../src/coordinator/api/list-usage.js";
import type { ListUsageRequest, ListUsageResponse, RunUsage } from "../src/gen/quipu/v1/log_pb.js";
import type { RunFacts } from "../src/model/run.js";
import { runIn } from "./cli-run.js";
import { CoordinatorWorld, FakeHost, job } from "./coordinator-world.js";
import { failure } from "./failure.js";

const call = { signal: new AbortController().signal, peer: "unix" };
const dayMs = 24 * 3_600_000;
const firstMs = Date.parse("2026-03-01T00:00:00.000Z");

/** Runs one job a day, the first on 1 March, and the third fails. */
async function worldOf(days: number): Promise<CoordinatorWorld> {
  const world = await CoordinatorWorld.open();
  const host = new FakeHost(world);
  await host.attach();
  for (let day = 0; day < days; day += 1) {
    await world.one(job({ owner: day % 2 === 0 ? "even" : "odd" }));
    const finishedAt = new Date(firstMs + day * dayMs).toISOString();
    const usage = {
      ...{ wallMs: 1000 + day, deviceMs: day, cpuMs: day },
      ...{ inputBytes: 2 ** 40, outputBytes: 1 },
    };
    const change = (facts: RunFacts): RunFacts => ({ ...facts, finishedAt, usage });
    await host.report(host.seal(day === 2 ? "failed" : "succeeded", host.assign, change));
  }
  return world;
}

async function ask(world: CoordinatorWorld, request: Partial<ListUsageRequest> = {}) {
  const asked = { firstIndex: 0n, limit: 0, ...request } as ListUsageRequest;
  return (await listUsage(world.coordinator.core)(asked, call)) as ListUsageResponse;
}

t.test("receipts in the log say what was used, page by page, of a time", async (t) => {
  const world = await worldOf(5);
  const all = await ask(world);
  t.equal(all.nextIndex, undefined);
  t.match(all.runs, [
    { logIndex: 0n, owner: "even", jobName: "count", host: "sg-1", country: "SG", wallMs: 1000n },
    { logIndex: 1n, owner: "odd", outcome: "succeeded", cpuMs: 1n, inputBytes: 2n ** 40n },
    { logIndex: 2n, outcome: "failed", device: "", site: "private" },
    { logIndex: 3n },
    { logIndex: 4n, finishedAt: timestampFromMs(firstMs + 4 * dayMs) },
  ]);
  const paged: RunUsage[] = [];
  let firstIndex: bigint | undefined = 0n;
  for (let pages = 0; firstIndex !== undefined && pages < 9; pages += 1) {
    const page: ListUsageResponse = await ask(world, { firstIndex, limit: 2 });
    paged.push(...page.runs);
    firstIndex = page.nextIndex;
  }
  t.same(paged, all.runs, "the same, in pages of two");
  const since = timestampFromMs(firstMs + dayMs);
  const until = timestampFromMs(firstMs + 3 * dayMs);
  const some = await ask(world, { since, until });
  t.same(
    some.runs.map(({ logIndex }) => logIndex),
    [1n, 2n],
    "from the first moment on, up to the last, without it",
  );
  for (const wrong of [{ limit: 1001 }, { limit: -1 }, { firstIndex: -1n }]) {
    t.equal((await failure(ask(world, wrong))).code, "INVALID_ARGUMENT");
  }
  await world.store.close();
});

t.test("a receipt that is not what the log says is named, and not counted", async (t) => {
  const world = await worldOf(3);
  const { store } = world;
  const [first, second, third] = (await ask(world)).runs;
  const get = async (run: RunUsage | undefined) => {
    const receipt = await store.receipts.get(run?.runId ?? "");
    if (receipt === undefined) throw new Error("no receipt");
    return receipt;
  };
  // The store was changed: one run has the honest receipt of another, one has none that is one.
  const other = await get(third);
  const changed = {
    ...store,
    receipts: {
      ...store.receipts,
      logged: async (...asked: Parameters<typeof store.receipts.logged>) => {
        const found = await store.receipts.logged(...asked);
        return found.map((receipt) => {
          if (receipt.runId === first?.runId) return { ...receipt, envelope: other.envelope };
          if (receipt.runId !== second?.runId) return receipt;
          return { ...receipt, envelope: new TextEncoder().encode("{}") };
        });
      },
    },
  };
  Object.assign(world.coordinator.core.ports, { store: changed });
  const page = await ask(world);
  t.same(page.unverified, [first?.runId, second?.runId]);
  t.same(
    page.runs.map(({ runId }) => runId),
    [third?.runId],
  );
  await store.close();
});

t.test("sums are exact, and those of groups add up to the whole", (t) => {
  const number = fc.bigInt({ min: 0n, max: 2n ** 62n });
  const owner = fc.constantFrom("a", "b", "c,d");
  const run = fc.record({
    ...{ owner, host: owner, jobId: owner, country: owner, jobName: owner },
    outcome: fc.constantFrom("succeeded", "failed"),
    ...{ wallMs: number, deviceMs: number, cpuMs: number, inputBytes: number, outputBytes: number },
  });
  const by = fc.constantFrom("tenant" as const, "host" as const, "job" as const);
  fc.assert(
    fc.property(fc.array(run), by, (runs, grouping) => {
      const totals = new Totals(grouping);
      for (const one of runs) totals.add(one as unknown as RunUsage);
      const sum = (of: (total: Totals["all"]) => bigint) =>
        totals.groups.reduce((all, group) => all + of(group), 0n) === of(totals.all);
      const devicesMs = runs.reduce((all, { deviceMs }) => all + deviceMs, 0n);
      const whole = runs.reduce((all, { inputBytes }) => all + inputBytes, 0n);
      return (
        sum(({ wallMs }) => wallMs) &&
        sum(({ cpuMs }) => cpuMs) &&
        sum(({ deviceMs }) => deviceMs) &&
        totals.all.deviceMs === devicesMs &&
        sum(({ succeeded }) => succeeded) &&
        totals.all.inputBytes === whole &&
        totals.all.runs === BigInt(runs.length)
      );
    }),
  );
  const columns = [
    { title: "a", cell: (row: readonly string[]) => row[0] ?? "" },
    { title: "b", cell: (row: readonly string[]) => row[1] ?? "" },
  ];
  const rows = [
    ["plain", 'with "quotes"'],
    ["a,b", "two\nlines"],
  ];
  t.equal(csvText(rows, columns), 'a,b\r\nplain,"with ""quotes"""\r\n"a,b","two\nlines"');
  t.equal(csvText([], columns), "a,b", "of nothing the titles");
  t.end();
});

t.test("only tables of plain values are printed as CSV", async (t) => {
  const refused = await runIn("/nowhere", ["job", "ls", "-o", "csv"]);
  t.match(refused, { code: 2, stderr: /does not print CSV/ });
  const odd = await runIn("/nowhere", ["usage", "--since", "yesterday"]);
  t.match(odd, { code: 2, stderr: /--since yesterday is no date/ });
  t.match(await runIn("/nowhere", ["usage", "--by", "planet"]), { code: 2 });
});
