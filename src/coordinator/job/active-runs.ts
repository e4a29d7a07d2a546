/**
 * Runs that some host is granted now, in memory: leases are renewed each second, so they live here
 * and not in the database. Rebuilt from the database at each start, with a full lease for each run.
 */
import type { RunRecord } from "../../io/store/records.js";
import {
  type DeviceKind,
  type DeviceLoad,
  deviceKind,
  devicesOf,
  withRun,
} from "../../model/host.js";
import { noUsage, type Usage } from "../../model/quota.js";
import type { RunRef } from "../../model/run.js";

/** What of a run's job says who has to leave for whom. */
export interface RunningJob {
  readonly name: string;
  readonly owner: string;
  readonly priority: number;
  readonly cancelReason?: string | undefined;
  readonly gangId?: string | undefined;
  /** When the run has cost what its job's budget allows. */
  readonly spentAtMs?: number | undefined;
}

export interface ActiveRun {
  readonly run: RunRecord;
  readonly job: RunningJob;
  /** It was granted before this process began, which need not know all that its host was told. */
  readonly isInherited: boolean;
  /** Boot-clock time after which the run may be given to another host. */
  leaseEndsAtMs: number;
  /** Its end is being written. Nothing may renew it or send it again, even before the commit. */
  ending: boolean;
  acknowledged: boolean;
  instanceId: string;
  cancelReason: string | undefined;
  /** Why it has to leave its host, which is told to stop it. */
  leaves: string | undefined;
  progress: number;
  activity: string;
}

/** Its host is to stop it, and is told so with each attach and heartbeat. */
export function mustStop({ cancelReason, leaves }: ActiveRun): boolean {
  return cancelReason !== undefined || leaves !== undefined;
}

export class ActiveRuns {
  readonly #runs = new Map<string, ActiveRun>();
  readonly #ofHosts = new Map<string, Set<ActiveRun>>();
  readonly #usage = new Map<string, Record<DeviceKind, number>>();
  readonly #changed: (host: string) => void;

  /** `changed` is told of each host whose runs become others. */
  constructor(changed: (host: string) => void) {
    this.#changed = changed;
  }

  add(run: RunRecord, leaseEndsAtMs: number, job: RunningJob, isInherited = false): ActiveRun {
    const active: ActiveRun = {
      run,
      job,
      isInherited,
      leaseEndsAtMs,
      ending: false,
      acknowledged: run.stage === "acknowledged",
      instanceId: run.instanceId,
      cancelReason: job.cancelReason,
      leaves: undefined,
      progress: 0,
      activity: "",
    };
    this.#runs.set(run.id, active);
    this.#ofHosts.set(run.host, (this.#ofHosts.get(run.host) ?? new Set()).add(active));
    this.#count(active, 1);
    this.#changed(run.host);
    return active;
  }

  get size(): number {
    return this.#runs.size;
  }

  get(runId: string): ActiveRun | undefined {
    return this.#runs.get(runId);
  }

  /** The run that this host holds under this very epoch and whose end nobody is writing. */
  granted(host: string, { runId, epoch }: RunRef): ActiveRun | undefined {
    const active = this.#runs.get(runId);
    if (active === undefined || active.ending) return undefined;
    return active.run.host === host && active.run.epoch === epoch ? active : undefined;
  }

  delete(runId: string): void {
    const active = this.#runs.get(runId);
    if (active === undefined) return;
    this.#runs.delete(runId);
    this.#count(active, -1);
    const ofHost = this.#ofHosts.get(active.run.host);
    ofHost?.delete(active);
    if (ofHost?.size === 0) this.#ofHosts.delete(active.run.host);
    this.#changed(active.run.host);
  }

  ofHost(host: string): readonly ActiveRun[] {
    return [...(this.#ofHosts.get(host) ?? [])];
  }

  all(): Iterable<ActiveRun> {
    return this.#runs.values();
  }

  /** Devices that an owner's runs are on, each counted whole, also where a run shares it. */
  usage(owner: string): Usage | undefined {
    return this.#usage.get(owner);
  }

  /** What its runs hold of its devices, and of itself. */
  load(host: string): readonly DeviceLoad[] {
    return this.ofHost(host).reduce<readonly DeviceLoad[]>(
      (load, { run }) => withRun(load, run),
      [],
    );
  }

  #count({ run, job: { owner } }: ActiveRun, sign: 1 | -1): void {
    const usage = this.#usage.get(owner) ?? noUsage();
    usage[deviceKind({ id: run.device })] += sign * devicesOf(run).length;
    this.#usage.set(owner, usage);
    if (Object.values(usage).every((count) => count === 0)) this.#usage.delete(owner);
  }

  expired(nowMs: number): readonly ActiveRun[] {
    return [...this.#runs.values()].filter(
      (active) => !active.ending && active.leaseEndsAtMs < nowMs,
    );
  }
}
