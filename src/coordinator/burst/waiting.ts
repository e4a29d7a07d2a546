/** Jobs that wait, since when, and under which pilots' names each could run: lawful and fitting. */
import type { JobRecord } from "../../io/store/records.js";
import { type BurstConfig, pilotHosts } from "../../model/burst.js";
import { needsWholeDevice } from "../../model/job.js";
import type { WaitingJob } from "../../scheduler/burst/state.js";
import type { Ask } from "../../scheduler/placement/ask.js";
import type { Core } from "../core.js";
import { specOf } from "../specs.js";

/** First come first; those behind wait for a later look. */
const jobsMax = 256;

export class WaitingJobs {
  /**
   * Job → when it was first seen waiting: one that waited for other jobs, or had a run and lost it, has
   * not waited for capacity since it was submitted. In memory only.
   */
  #since: ReadonlyMap<string, number> | undefined;

  async look(core: Core, { offers }: BurstConfig): Promise<readonly WaitingJob[]> {
    const jobs = await core.ports.store.jobs.queued(jobsMax, 0);
    this.#since = new Map(jobs.map((job) => [job.id, this.#sinceOf(job, core)]));
    const names = offers.flatMap(pilotHosts);
    // Jobs that ask for the same get the same ask, so that thousands alike are looked at once.
    const known = new Map<Ask, ReadonlySet<string>>();
    const waiting: WaitingJob[] = [];
    for (const job of jobs) {
      const spec = specOf(job);
      const ask = await core.fleet.ask(spec);
      const hosts = known.get(ask) ?? new Set(names.filter((name) => isFor(ask, name)));
      known.set(ask, hosts);
      if (hosts.size === 0) continue;
      const sinceMs = this.#sinceOf(job, core);
      waiting.push({ id: job.id, sinceMs, hosts, isLight: !needsWholeDevice(spec.task) });
    }
    return waiting;
  }

  /** Of those that a new process finds nobody knows better. */
  #sinceOf({ id, submittedAtMs }: JobRecord, { ports }: Core): number {
    if (this.#since === undefined) return submittedAtMs;
    return this.#since.get(id) ?? ports.clock.wallMs();
  }
}

function isFor(ask: Ask, host: string): boolean {
  const finding = ask.ofReady(host);
  return finding !== undefined && !("fault" in finding);
}
