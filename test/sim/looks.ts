/** What must hold of what is durable at any moment: it is looked at now and then. */
import type { CoordinatorStore } from "../../src/io/store/coordinator-store.js";
import type { JobRecord, RunRecord } from "../../src/io/store/records.js";
import { deviceKind, deviceKinds } from "../../src/model/host.js";
import { limitOf, type Quota } from "../../src/model/quota.js";
import type { World } from "./world.js";

const rowsMax = 10_000;

/** Of one moment: nothing is written between the two questions. */
export interface Seen {
  readonly jobs: readonly JobRecord[];
  readonly runs: readonly RunRecord[];
  /** Of the runs, those that some host has. */
  readonly granted: readonly RunRecord[];
}

export async function see(store: CoordinatorStore): Promise<Seen> {
  const jobs = await store.jobs.list(rowsMax, Number.MAX_SAFE_INTEGER);
  const runs = await store.runs.grantedSince(0, rowsMax);
  const granted = runs.filter(({ stage }) => stage === "assigned" || stage === "acknowledged");
  return { jobs, runs, granted };
}

/** Members of a gang have had as many runs each, for they are placed together. */
export function checkGangs(world: World, { jobs }: Seen): void {
  const epochs = new Map<string, number>();
  for (const { id, gangId, epoch } of jobs) {
    if (gangId === undefined) continue;
    const others = epochs.get(gangId) ?? epoch;
    epochs.set(gangId, others);
    if (others !== epoch) world.violated(`${id} had ${epoch} runs, another of its gang ${others}`);
  }
}

/** Nobody has more devices than its quota gives. */
export function checkQuotas(world: World, { jobs, granted }: Seen, quotas: readonly Quota[]): void {
  const owners = new Map(jobs.map(({ id, owner }) => [id, owner]));
  const held = new Map<string, number>();
  for (const { jobId, device } of granted) {
    const key = `${owners.get(jobId)} ${deviceKind({ id: device })}`;
    held.set(key, (held.get(key) ?? 0) + 1);
  }
  for (const quota of quotas) {
    for (const kind of deviceKinds) {
      const used = held.get(`${quota.owner} ${kind}`) ?? 0;
      if (used > limitOf(quota, kind)) world.violated(`${quota.owner} has ${used} ${kind} devices`);
    }
  }
}

/** What the store remembers is what the database holds. */
export async function checkMemory(
  world: World,
  store: CoordinatorStore,
  { jobs, runs }: Seen,
): Promise<void> {
  for (const job of jobs) checkSame(world, job, await store.jobs.get(job.id));
  for (const run of runs) checkSame(world, run, await store.runs.get(run.id));
}

type Row = JobRecord | RunRecord;

function checkSame(world: World, held: Row, remembered: Row | undefined): void {
  const [database, memory] = [membersOf(held), membersOf(remembered ?? {})];
  for (const name of new Set([...database.keys(), ...memory.keys()])) {
    const [there, here] = [database.get(name), memory.get(name)];
    if (there === here) continue;
    world.violated(`${held.id} is remembered with ${name} ${here}; the database holds ${there}`);
  }
}

/** As texts, but for the long bytes that nothing changes. */
function membersOf(row: object): ReadonlyMap<string, unknown> {
  const members = new Map<string, unknown>();
  for (const [name, value] of Object.entries(row)) {
    if (value === undefined || value instanceof Uint8Array) continue;
    members.set(name, typeof value === "object" ? JSON.stringify(value) : value);
  }
  return members;
}
