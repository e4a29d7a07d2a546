/** What a coordinator reads at its start, many rows at a time: a fleet must not wait for each of them. */
import { QuipuError } from "../base/errors.js";
import type { JobRecord, RunRecord } from "../io/store/records.js";
import { layPilotHosts } from "./burst/hosts.js";
import { type Core, leaseEnd } from "./core.js";
import { spentAtMs } from "./dispatch/deadlines.js";
import { runningJob } from "./dispatch/job-queue.js";
import { finishOwed } from "./host/leases.js";
import { specOf } from "./job/specs.js";
import { loseRevoked } from "./log/host-keys.js";
import { bringNotices } from "./log/notices.js";
import { decisionOf } from "./wire.js";

const runsAtOnce = 256;

export async function recover(core: Core): Promise<void> {
  const { store } = core.ports;
  await readHosts(core);
  const granted = await store.runs.inStages(["assigned", "acknowledged"]);
  for (let at = 0; at < granted.length; at += runsAtOnce) {
    await takeUp(core, granted.slice(at, at + runsAtOnce));
  }
  for (const { runId } of await store.receipts.inStage("staged")) core.receiptsOwed.add(runId);
  for (const quota of await store.quotas.all()) core.quotas.set(quota.owner, quota);
  await core.queue.load();
  await core.audits.load(store);
  await loseRevoked(core);
  await finishOwed(core);
  await bringNotices(core);
}

async function readHosts(core: Core): Promise<void> {
  const { ports, hosts, fleet, revokedKeys } = core;
  const { store, burst, clock } = ports;
  const known = await store.hosts.all();
  if (burst !== undefined || known.some(({ offer }) => offer !== undefined)) {
    await store.transact((tables) => layPilotHosts(tables, burst?.config, clock.wallMs()));
  }
  for (const host of await store.hosts.all()) {
    hosts.set(host.name, host);
    fleet.changed(host.name);
    for (const keyId of host.revokedKeys ?? []) revokedKeys.add(keyId);
  }
}

/** Every run gets a full lease. */
async function takeUp(core: Core, runs: readonly RunRecord[]): Promise<void> {
  const { store, clock } = core.ports;
  const jobs = await jobsOf(core, runs);
  const priced = runs.filter((_, i) => specOf(jobs[i] as JobRecord).budget !== undefined);
  const records = await store.decisions.getAll(priced.map(({ decisionId }) => decisionId));
  const decisions = new Map(records.map(({ id, content }) => [id, decisionOf(content)]));
  for (const [i, run] of runs.entries()) {
    const job = jobs[i] as JobRecord;
    const spent = spentAtMs(specOf(job), run, decisions.get(run.decisionId));
    core.runs.add(run, leaseEnd(core), { ...runningJob(job), spentAtMs: spent }, true);
    core.away.set(run.host, clock.bootMs());
    core.gangs.look(job);
  }
}

function jobsOf(core: Core, runs: readonly RunRecord[]): Promise<readonly JobRecord[]> {
  return core.ports.store.transact(async ({ jobs }) => {
    await jobs.expect(runs.map(({ jobId }) => jobId));
    const found: JobRecord[] = [];
    for (const run of runs) {
      const job = await jobs.get(run.jobId);
      if (job === undefined) throw new QuipuError("INTERNAL", `run ${run.id} has no job`);
      found.push(job);
    }
    return found;
  });
}
