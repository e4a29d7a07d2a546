/**
 * D1 and D2: jobs that do next to nothing (`hash` of no input) from submission through policy, lease and
 * run to a signed receipt, on real processes: a coordinator with its embedded store, one agent, and this
 * process as the client. Done is what the client hears: final, durable, the receipt in the log.
 */

import { randomUUID } from "node:crypto";
import { limits } from "../src/base/limits.js";
import { JobService } from "../src/gen/quipu/v1/jobs_pb.js";
import { JobState } from "../src/gen/quipu/v1/types_pb.js";
import { client, connect } from "../src/io/rpc/client.js";
import { jobBytes, jobSpec } from "../src/model/job.js";
import { RealFleet } from "../test/real-fleet.js";
import type { RunOptions } from "./harness.js";
import type { Said } from "./result.js";
import { print, record } from "./table.js";

const goals = { perSecond: 5_000, p50Ms: 2, p99Ms: 8 };
const throughputJobs = 1_024;
const singleJobs = 200;

const spec = jobBytes(
  jobSpec.parse({ version: "quipu.dev/v1", name: "nothing", task: { driver: "hash" } }),
);

type Jobs = ReturnType<typeof client<typeof JobService>>;

/** Resolves when the job is over; throws unless it succeeded. */
async function over(jobs: Jobs, id: string): Promise<void> {
  for await (const { job } of jobs.watchJob({ id })) {
    if (job?.state === JobState.SUCCEEDED) return;
    if (job?.state === JobState.FAILED || job?.state === JobState.LOST) {
      throw new Error(`job ${id} ended otherwise: ${job.failure?.message}`);
    }
  }
  throw new Error(`job ${id} did not succeed`);
}

/** Jobs a second, all submitted at once. */
async function throughput(jobs: Jobs): Promise<number> {
  const start = performance.now();
  let last = "";
  for (let done = 0; done < throughputJobs; done += limits.jobsPerSubmitMax) {
    const specs = Array.from({ length: limits.jobsPerSubmitMax }, () => spec);
    const answer = await jobs.submitJobs({ idempotencyKey: randomUUID(), specs });
    last = answer.jobs.at(-1)?.id ?? "";
  }
  await over(jobs, last); // first admitted, first placed, and one device runs one after the other
  return (1000 * throughputJobs) / (performance.now() - start);
}

/** Milliseconds of each of some jobs, one after the other. */
async function latencies(jobs: Jobs): Promise<Float64Array> {
  const times = new Float64Array(singleJobs);
  for (let i = 0; i < singleJobs; i += 1) {
    const start = performance.now();
    const {
      jobs: [job],
    } = await jobs.submitJobs({ idempotencyKey: randomUUID(), specs: [spec] });
    await over(jobs, job?.id ?? "");
    times[i] = performance.now() - start;
  }
  return times.sort();
}

export async function run({ only, pairs }: RunOptions): Promise<void> {
  const name = `D1 dispatch, ${throughputJobs} jobs at once`;
  if (only.length > 0 && !only.some((part) => name.includes(part))) return print("dispatch", []);
  const fleet = new RealFleet();
  try {
    await fleet.startCoordinator();
    await fleet.startAgent("sg-1", "SG", "private");
    const channel = connect(fleet.address);
    const jobs = client(channel, JobService);
    await latencies(jobs); // warms both sides
    const perSecond = await throughput(jobs);
    const times = await latencies(jobs);
    channel.close();
    const percentile = (share: number) => times[Math.floor((singleJobs - 1) * share)] as number;
    const [p50, p99] = [percentile(0.5), percentile(0.99)];
    const results: Said[] = [
      {
        name,
        said: `${Math.round(perSecond)} jobs/s`,
        goal: `>= ${goals.perSecond}`,
        held: perSecond >= goals.perSecond,
        note: "one device; no peer was run",
      },
      {
        name: "D2 one at a time, median and 99th percentile",
        said: `${p50.toFixed(1)} ms, ${p99.toFixed(1)} ms`,
        goal: `<= ${goals.p50Ms}, ${goals.p99Ms} ms`,
        held: p50 <= goals.p50Ms && p99 <= goals.p99Ms,
      },
    ];
    print("dispatch", results);
    if (only.length === 0 && pairs === undefined) record("dispatch", results);
  } finally {
    await fleet.close();
  }
}
