/**
 * D1 and D2: jobs that do next to nothing (`hash` of no input) from submission through policy, lease and
 * run to a signed receipt, on real processes: a coordinator, one agent, and this process as the client.
 * Done is what the client hears: the final state, durable. When the log has the receipts is told apart.
 * Beside it, in turns on the same machine: graphile-worker on a PostgreSQL of its own, and Slurm.
 */

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../src/base/limits.js";
import { JobService } from "../src/gen/quipu/v1/jobs_pb.js";
import { JobState } from "../src/gen/quipu/v1/types_pb.js";
import { client, connect } from "../src/io/rpc/client.js";
import { jobBytes, jobSpec } from "../src/model/job.js";
import { PostgresServer } from "../test/postgres-server.js";
import { RealFleet } from "../test/real-fleet.js";
import { SlurmCluster } from "../test/slurm-cluster.js";
import { syncs } from "./disk.js";
import { median, type RunOptions } from "./harness.js";
import { packageRoot } from "./machine.js";
import type { Measured, Result, Said } from "./result.js";
import { type SlurmWay, slurm, slurmJobs, slurmWays } from "./slurm.js";
import { print, record } from "./table.js";

const goals = { perSecond: 5_000, p50Ms: 2, p99Ms: 8, ofGraphile: 4, ofSlurm: 50 };
const rounds = 3;
const throughputJobs = 2_048;
const singleJobs = 200;
const peers = join(packageRoot, "bench", "peers");

const spec = jobBytes(
  jobSpec.parse({ version: "quipu.dev/v1", name: "nothing", task: { driver: "hash" } }),
);

type Jobs = ReturnType<typeof client<typeof JobService>>;

/** What one look at a fleet, or at a peer, found. */
interface Round {
  readonly perSecond: number;
  /** With receipts in the log; of a peer, which has none, the same. */
  readonly loggedPerSecond: number;
  /** Milliseconds of single jobs. */
  readonly times: readonly number[];
}

/** Resolves with when it was over; the stream ends when its receipt is in the log too. */
async function over(jobs: Jobs, id: string): Promise<number> {
  let overAt: number | undefined;
  for await (const { job } of jobs.watchJob({ id })) {
    if (job?.state === JobState.SUCCEEDED) overAt ??= performance.now();
    if (job?.state === JobState.FAILED || job?.state === JobState.LOST) {
      throw new Error(`job ${id} ended otherwise: ${job.failure?.message}`);
    }
  }
  if (overAt === undefined) throw new Error(`job ${id} did not succeed`);
  return overAt;
}

async function submit(jobs: Jobs, count: number): Promise<string[]> {
  const specs = Array.from({ length: count }, () => spec);
  const answer = await jobs.submitJobs({ idempotencyKey: randomUUID(), specs });
  return answer.jobs.map(({ id }) => id);
}

/** All submitted at once. First admitted, first placed: only the last ones can be the last to end. */
async function atOnce(jobs: Jobs): Promise<Omit<Round, "times">> {
  const start = performance.now();
  const ids: string[] = [];
  while (ids.length < throughputJobs) ids.push(...(await submit(jobs, limits.jobsPerSubmitMax)));
  const ends = await Promise.all(ids.slice(-2 * limits.slotsMax).map((id) => over(jobs, id)));
  const rate = (endMs: number) => (1000 * throughputJobs) / (endMs - start);
  return { perSecond: rate(Math.max(...ends)), loggedPerSecond: rate(performance.now()) };
}

async function oneByOne(jobs: Jobs): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < singleJobs; i += 1) {
    const start = performance.now();
    const [id = ""] = await submit(jobs, 1);
    times.push((await over(jobs, id)) - start);
  }
  return times;
}

async function ours(storeAddress: string): Promise<Round> {
  const fleet = new RealFleet();
  try {
    const store = storeAddress === "" ? [] : ["--store", storeAddress];
    await fleet.startCoordinator("coordinator", store);
    await fleet.startAgent("sg-1", "SG", "private");
    const channel = connect(fleet.address);
    const jobs = client(channel, JobService);
    await atOnce(jobs); // warms all sides
    const rates = await atOnce(jobs);
    const times = await oneByOne(jobs);
    channel.close();
    return { ...rates, times };
  } finally {
    await fleet.close();
  }
}

function graphile(address: string, way: "usual" | "batches"): Round {
  const counts = [`${throughputJobs}`, `${singleJobs}`];
  const args = [join(peers, "graphile.mjs"), address, way, ...counts];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (stdout === "") throw new Error(`graphile-worker did not run: ${stderr}`);
  const { perSecond, times } = JSON.parse(stdout) as Pick<Round, "perSecond" | "times">;
  return { perSecond, loggedPerSecond: perSecond, times };
}

function percentile(found: readonly Round[], share: number): number {
  const times = found.flatMap((round) => round.times).sort((a, b) => a - b);
  return times[Math.floor((times.length - 1) * share)] as number;
}

function latency(name: string, found: readonly Round[], isGoal: boolean): Said {
  const [p50, p99] = [percentile(found, 0.5), percentile(found, 0.99)];
  const said = `${p50.toFixed(1)} ms, ${p99.toFixed(1)} ms`;
  if (!isGoal) return { name, said };
  const goal = `<= ${goals.p50Ms}, ${goals.p99Ms} ms`;
  return { name, said, goal, held: p50 <= goals.p50Ms && p99 <= goals.p99Ms };
}

function compared(
  name: string,
  found: readonly Round[],
  peer: string,
  beside: readonly Round[],
  ratio = goals.ofGraphile,
) {
  const ratios = found.map(({ perSecond }, i) => perSecond / (beside[i] as Round).perSecond);
  const sorted = [...ratios].sort((a, b) => a - b);
  return {
    name,
    unit: "jobs",
    oursRate: median(found.map(({ perSecond }) => perSecond)),
    peer,
    peerRate: median(beside.map(({ perSecond }) => perSecond)),
    ratio: {
      median: median(ratios),
      p10: sorted[0] as number,
      p90: sorted.at(-1) as number,
    },
    goal: { ratio },
    pairs: ratios.length,
  } satisfies Measured;
}

function summary(
  embedded: readonly Round[],
  shared: readonly Round[],
  usual: readonly Round[],
  batches: readonly Round[],
): Result[] {
  const name = `D1 dispatch, ${throughputJobs} jobs at once`;
  const perSecond = median(embedded.map((round) => round.perSecond));
  const logged = median(embedded.map((round) => round.loggedPerSecond));
  const results: Result[] = [
    {
      name,
      said: `${Math.round(perSecond)} jobs/s`,
      goal: `>= ${goals.perSecond}`,
      held: perSecond >= goals.perSecond,
      note: `${Math.round(logged)} jobs/s until the log has their receipts`,
    },
  ];
  if (usual.length > 0) {
    results.push(compared(name, embedded, "graphile-worker", usual));
    results.push(compared(name, embedded, "graphile-worker, batches", batches));
  }
  results.push(latency("D2 one at a time, median and 99th percentile", embedded, true));
  if (usual.length > 0) results.push(latency("D2 of graphile-worker", usual, false));
  if (shared.length > 0) {
    const rate = median(shared.map((round) => round.perSecond));
    const said = `${Math.round(rate)} jobs/s`;
    results.push({ name: `${name}, on PostgreSQL`, said });
    results.push(latency("D2 on PostgreSQL", shared, false));
  }
  return results;
}

/** Far fewer jobs than ours: its rate does not depend on their number, and would take minutes. */
function besideSlurm(embedded: readonly Round[], ways: ReadonlyMap<SlurmWay, Round[]>): Result[] {
  const name = `D1 dispatch, ${throughputJobs} jobs at once`;
  return [...ways].flatMap(([way, found]) => [
    {
      ...compared(name, embedded, `Slurm, ${way}, ${slurmJobs} jobs`, found, goals.ofSlurm),
      note: slurmWays[way].said,
    },
    latency(`D2 of Slurm's srun, ${way}`, found, false),
  ]);
}

export async function run({ only, pairs }: RunOptions): Promise<void> {
  const isAsked = only.length === 0 || only.some((part) => "D1 D2 dispatch".includes(part));
  if (!isAsked) return print("dispatch", []);
  const hasPeer = existsSync(join(peers, "node_modules", "graphile-worker"));
  const server = await PostgresServer.start();
  try {
    const [embedded, shared, usual, batches]: Round[][] = [[], [], [], []];
    const ways = new Map<SlurmWay, Round[]>();
    for (let round = 0; round < (pairs ?? rounds); round += 1) {
      embedded?.push(await ours(""));
      for (const way of SlurmCluster.isInstalled ? (["usual", "tuned"] as const) : []) {
        ways.set(way, [...(ways.get(way) ?? []), await slurm(way)]);
      }
      if (server === undefined) continue;
      shared?.push(await ours(server.newDatabase()));
      if (!hasPeer) continue;
      usual?.push(graphile(server.newDatabase(), "usual"));
      batches?.push(graphile(server.newDatabase(), "batches"));
    }
    const folder = mkdtempSync(join(tmpdir(), "quipu-disk-"));
    const perSecond = await syncs(folder);
    rmSync(folder, { recursive: true });
    const results: Result[] = [
      { name: "appends of 8 KiB, each synced", said: `${Math.round(perSecond)} a second` },
      ...summary(embedded ?? [], shared ?? [], usual ?? [], batches ?? []),
      ...besideSlurm(embedded ?? [], ways),
    ];
    print("dispatch", results);
    if (only.length === 0 && pairs === undefined) record("dispatch", results);
  } finally {
    await server?.close();
  }
}
