/**
 * Slurm as a peer of dispatch: a controller and one node of its own on this machine, a job array whose jobs
 * do nothing, and single `srun`s. Done is what Slurm calls COMPLETED. Nothing of it is durable beyond its
 * state files, and there is no policy and no receipt.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { SlurmCluster, type SlurmSettings } from "../test/slurm-cluster.js";

export type SlurmWay = "usual" | "tuned";

/** Its node takes as many jobs at once as our agent does. */
const node: SlurmSettings = { cpus: "64", SlurmdParameters: "config_overrides" };

/** As it comes; and for many short jobs, as its guide for high throughput advises. */
export const slurmWays: Readonly<Record<SlurmWay, { settings: SlurmSettings; said: string }>> = {
  usual: {
    settings: { ...node, SchedulerParameters: undefined },
    said: "its defaults",
  },
  tuned: {
    settings: {
      ...node,
      SchedulerType: "sched/builtin",
      SchedulerParameters:
        "batch_sched_delay=0,sched_interval=1,sched_min_interval=0,default_queue_depth=10000",
      SlurmctldDebug: "quiet",
      SlurmdDebug: "quiet",
    },
    said: "sched/builtin, the whole queue at every event, quiet logs",
  },
};

export const slurmJobs = 256;
const slurmSingles = 20;
const lookEveryMs = 100;
const patienceMs = 300_000;

/** Jobs a second all at once, and the milliseconds of single ones. */
export async function slurm(
  way: SlurmWay,
  count = slurmJobs,
): Promise<{ perSecond: number; loggedPerSecond: number; times: number[] }> {
  const cluster = await SlurmCluster.start(slurmWays[way].settings);
  try {
    await array(cluster, Math.min(16, count)); // warms it
    const perSecond = (1000 * count) / (await array(cluster, count));
    const times: number[] = [];
    for (let i = 0; i < slurmSingles; i += 1) {
      const start = performance.now();
      cluster.run("srun", "-n1", "true");
      times.push(performance.now() - start);
    }
    return { perSecond, loggedPerSecond: perSecond, times };
  } finally {
    await cluster.close();
  }
}

/** Milliseconds until all of an array of this many are COMPLETED; throws when one ends otherwise. */
async function array(cluster: SlurmCluster, count: number): Promise<number> {
  const start = performance.now();
  const asked = ["--parsable", "-o", "/dev/null", `--array=1-${count}`, "--wrap=true"];
  const id = cluster.run("sbatch", ...asked);
  if (!/^\d+$/.test(id)) throw new Error(`sbatch answered ${id || "nothing"}`);
  for (;;) {
    const states = cluster.run("squeue", "-h", "-r", "-t", "all", "-j", id, "-o", "%T").split("\n");
    const tookMs = performance.now() - start;
    const completed = states.filter((state) => state === "COMPLETED").length;
    if (completed === count) return tookMs;
    const other = states.find((state) => /FAIL|CANCEL|TIMEOUT|PREEMPT|OUT_OF/.test(state));
    if (other !== undefined) throw new Error(`a job of Slurm's array is ${other}`);
    if (tookMs > patienceMs) throw new Error(`Slurm completed ${completed} of ${count} jobs`);
    await delay(lookEveryMs);
  }
}
