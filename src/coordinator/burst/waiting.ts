/** Jobs that wait, since when, and under which pilots' names each could run: lawful, fitting, affordable. */
import type { JobRecord } from "../../io/store/records.js";
import { type BurstConfig, type Offer, pilotHosts } from "../../model/burst.js";
import { type JobSpec, needsWholeDevice, wantedKinds } from "../../model/job.js";
import type { WaitingJob } from "../../scheduler/burst/state.js";
import type { Ask } from "../../scheduler/placement/ask.js";
import type { Worth } from "../../scheduler/placement/finding.js";
import type { Core } from "../core.js";
import { boundsOf } from "../dispatch/bounds.js";
import { specOf } from "../job/specs.js";

/** First come first; those behind wait for a later look, when some of these have been placed. */
const lookedAtMax = 2048;

export class WaitingJobs {
  /**
   * Job → when it was first seen waiting: one that waited for other jobs, or had a run and lost it, has
   * not waited for capacity since it was submitted. In memory only.
   */
  #since: ReadonlyMap<string, number> | undefined;

  async look(core: Core, { offers }: BurstConfig): Promise<readonly WaitingJob[]> {
    const jobs = await core.ports.store.jobs.queued(lookedAtMax, 0);
    this.#since = new Map(jobs.map((job) => [job.id, this.#sinceOf(job, core)]));
    // Jobs that ask for the same get the same ask, so that thousands alike are looked at once.
    const known = new Map<Ask, ReadonlySet<string>>();
    const shares = core.queue.shares();
    const waiting: WaitingJob[] = [];
    for (const job of jobs) {
      if (job.auditId !== undefined) continue; // nothing is rented to look into others
      const spec = specOf(job);
      const { owner } = job;
      const { devices = 1 } = spec.resources;
      const kind = wantedKinds(spec.resources).find(
        (one) => shares.claim(owner, one, devices) !== "none",
      );
      if (kind === undefined) continue; // its quota keeps it waiting, and would with a pilot too
      const ask = await core.fleet.ask(spec, await boundsOf(core, job, shares));
      const hosts = known.get(ask) ?? hostsFor(ask, spec, offers);
      known.set(ask, hosts);
      if (hosts.size === 0) continue;
      shares.take(owner, kind, devices);
      const wholeDevices = needsWholeDevice(spec) ? devices : 0;
      const sinceMs = this.#sinceOf(job, core);
      const gang = gangOf(job, spec);
      const startBy = startByMs(job, spec);
      waiting.push({ id: job.id, sinceMs, hosts, wholeDevices, startByMs: startBy, gang });
    }
    return whole(waiting, jobs);
  }

  /** Of those that a new process finds nobody knows better. */
  #sinceOf({ id, submittedAtMs }: JobRecord, { ports }: Core): number {
    if (this.#since === undefined) return submittedAtMs;
    return this.#since.get(id) ?? ports.clock.wallMs();
  }
}

function gangOf({ gangId }: JobRecord, { gang }: JobSpec): WaitingJob["gang"] {
  return gangId === undefined ? undefined : { id: gangId, spreads: gang?.spread === "hosts" };
}

/**
 * Without members of gangs of which not all wait for capacity: a run of theirs goes on somewhere, a quota
 * keeps some of them, or they stand too far behind to be looked at. Pilots for the others would idle.
 */
function whole(waiting: readonly WaitingJob[], jobs: readonly JobRecord[]): readonly WaitingJob[] {
  const sizes = new Map(jobs.map((job) => [job.gangId, specOf(job).gang?.size]));
  const counts = new Map<string, number>();
  for (const { gang } of waiting) if (gang) counts.set(gang.id, (counts.get(gang.id) ?? 0) + 1);
  return waiting.filter(({ gang }) => !gang || counts.get(gang.id) === sizes.get(gang.id));
}

function hostsFor(ask: Ask, spec: JobSpec, offers: readonly Offer[]): ReadonlySet<string> {
  const names = offers.flatMap((offer) =>
    pilotHosts(offer).filter((name) => {
      const finding = ask.ofReady(name);
      return finding !== undefined && !("fault" in finding) && bears(spec, offer, finding);
    }),
  );
  return new Set(names);
}

/** As on any device: what has no price, or one in another currency, is within no budget. */
function bears({ budget }: JobSpec, { price }: Offer, { egress }: Worth): boolean {
  if (budget === undefined) return true;
  if (price?.currency !== budget.currency) return false;
  const costs = BigInt(price.nanosPerSecond) * BigInt(budget.seconds);
  return costs + BigInt(egress?.nanos ?? 0) <= BigInt(budget.nanos);
}

/** How long it takes is known where its budget says so. */
function startByMs({ deadlineMs }: JobRecord, { budget }: JobSpec): number | undefined {
  return deadlineMs === undefined ? undefined : deadlineMs - 1000 * (budget?.seconds ?? 0);
}
