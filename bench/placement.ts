/**
 * D3: placement decisions in one process, as a round of dispatch makes them: a fleet that fills up and
 * empties, jobs of twenty kinds, each decided, written as its canonical record, and its device taken.
 */
import { readFileSync } from "node:fs";
import { canonicalBytes } from "../src/base/canonical-json.js";
import { randomInteger, seededRandom } from "../src/base/random.js";
import type { Taken } from "../src/model/decision.js";
import type { HostView } from "../src/model/host.js";
import { type JobSpec, jobDigest, jobSpec } from "../src/model/job.js";
import { Asks } from "../src/scheduler/placement/ask.js";
import { Board } from "../src/scheduler/placement/board.js";
import { decide } from "../src/scheduler/placement/decide.js";
import { loadPolicy } from "../src/scheduler/policy/engine.js";
import type { RunOptions } from "./harness.js";
import type { Said } from "./result.js";
import { print, record } from "./table.js";

const hostCount = 5_000;
const jobCount = 100_000;
const goals = { perSecond: 20_000, p99Ms: 1 };
/** Runs that go on at once; then one ends for each that begins. */
const runningMax = 20_000;
const pageJobs = 64;

const countries =
  "SG CL DE FR US JP BR IN CN AU KR IT ES NL SE NO FI PL PT GB CA MX AR PE ZA".split(" ");

function hostOf(number: number): HostView {
  const gpu = { model: "H200", memoryBytes: 2 ** 37, backends: ["cuda"], slots: 1 };
  const backends = ["avx512", "portable"];
  const cpu = { id: "cpu", model: "x86", memoryBytes: 2 ** 38, backends, slots: 1 };
  return {
    name: `host-${String(number).padStart(4, "0")}`,
    place: {
      country: countries[number % 25] as string,
      zone: "",
      site: number % 50 < 25 ? "private" : "public",
      grade: "operator-asserted",
    },
    devices: [cpu, ...Array.from({ length: 8 }, (_, i) => ({ ...gpu, id: `cuda:${i}` }))],
    dataSets: [],
    attached: true,
    cordoned: false,
    load: [],
  };
}

function kindOf(number: number): JobSpec {
  return jobSpec.parse({
    version: "quipu.dev/v1",
    name: "job",
    owner: `tenant-${number % 7}`,
    purpose: `purpose-${number}`,
    task: { driver: "hash" },
    resources: {
      device: number % 3 === 0 ? "any" : "cuda",
      memoryBytes: number % 4 === 0 ? 2 ** 33 : 0,
    },
    ...(number % 5 === 0 ? { placement: { countries: ["SG", "CL", "DE"] } } : {}),
  });
}

/** Milliseconds of each decision, and seconds of this thread's processor for all. */
function decideAll(): {
  readonly times: Float64Array;
  readonly seconds: number;
  readonly bytes: number;
} {
  const policy = loadPolicy({ "base.cedar": readFileSync("deploy/policy/base.cedar", "utf8") });
  const board = new Board(Array.from({ length: hostCount }, (_, i) => hostOf(i)));
  const asks = new Asks(board);
  const random = seededRandom(1);
  const kinds = Array.from({ length: 20 }, (_, i) => kindOf(i));
  const digest = jobDigest(kinds[0] as JobSpec);
  const running: Taken[] = [];
  const times = new Float64Array(jobCount);
  let bytes = 0;
  const began = process.cpuUsage();
  for (let i = 0; i < jobCount; i += 1) {
    const start = performance.now();
    const job = { ...(kinds[i % 20] as JobSpec), name: `job-${i}` };
    const at = "2026-01-02T03:04:05Z";
    const question = { id: `dec-${i}`, job, jobDigest: digest, at, dataSet: undefined, policy };
    const { decision, origin } = decide(asks, question);
    bytes += canonicalBytes(decision).length;
    board.kept(origin);
    if (decision.outcome.kind === "placed") {
      board.take(decision.outcome.host, decision.outcome);
      running.push(decision.outcome);
    }
    times[i] = performance.now() - start;
    // Ends of runs are seen between the pages of a round.
    while (i % pageJobs === 0 && running.length > runningMax) {
      const at = randomInteger(random, running.length);
      free(board, running[at] as Taken);
      running[at] = running.at(-1) as Taken;
      running.pop();
    }
  }
  const { user, system } = process.cpuUsage(began);
  return { times: times.sort(), seconds: (user + system) / 1e6, bytes: bytes / jobCount };
}

function free(board: Board, { host, device }: Taken): void {
  const view = board.view(host);
  if (view === undefined) return;
  board.put({ ...view, load: view.load.filter((held) => held.device !== device) });
}

export async function run({ only, pairs }: RunOptions): Promise<void> {
  const name = `D3 placement, ${hostCount} hosts in 50 groups, ${jobCount} jobs`;
  if (only.length > 0 && !only.some((part) => name.includes(part))) return print("placement", []);
  const { times, seconds, bytes } = decideAll();
  const perSecond = Math.round(jobCount / seconds);
  const percentile = (share: number) => times[Math.floor((jobCount - 1) * share)] as number;
  const results: Said[] = [
    {
      name: `${name}: on one core`,
      said: `${perSecond} decisions/s`,
      goal: `>= ${goals.perSecond}`,
      held: perSecond >= goals.perSecond,
    },
    {
      name: "D3 time of one, median and 99th percentile",
      said: `${(1000 * percentile(0.5)).toFixed(0)} us, ${percentile(0.99).toFixed(2)} ms`,
      goal: `< ${goals.p99Ms} ms`,
      held: percentile(0.99) < goals.p99Ms,
    },
    { name: "D3 record of one", said: `${Math.round(bytes)} B` },
  ];
  print("placement", results);
  if (only.length === 0 && pairs === undefined) record("placement", results);
}
