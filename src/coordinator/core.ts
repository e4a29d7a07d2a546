/**
 * What the step functions of one coordinator share: its ports, and what it keeps in memory only.
 */
import { QuipuError } from "../base/errors.js";
import type { AttachResponse, TelemetrySample } from "../gen/quipu/v1/attach_pb.js";
import type { HostRecord } from "../io/store/records.js";
import type { Quota } from "../model/quota.js";
import type { Audits } from "./audit/audits.js";
import type { Burst } from "./burst/burst.js";
import type { Changes } from "./changes.js";
import type { Deadlines } from "./dispatch/deadlines.js";
import type { JobQueue } from "./dispatch/job-queue.js";
import type { GangHold } from "./gang/gang-hold.js";
import type { Gangs } from "./gang/gangs.js";
import type { Claims } from "./host/claims.js";
import type { Fleet } from "./host/fleet.js";
import type { Holders } from "./host/holders.js";
import type { ActiveRuns } from "./job/active-runs.js";
import type { LogBook } from "./log/log-book.js";
import type { Notices } from "./log/notices.js";
import type { ReceiptsOwed } from "./log/receipts-owed.js";
import type { CoordinatorOptions, CoordinatorPorts } from "./ports.js";

export interface Core {
  readonly ports: CoordinatorPorts;
  readonly options: CoordinatorOptions;
  readonly runs: ActiveRuns;
  readonly changes: Changes;
  readonly logBook: LogBook;
  readonly notices: Notices;
  readonly fleet: Fleet;
  readonly queue: JobQueue;
  readonly claims: Claims;
  readonly holders: Holders;
  readonly gangs: Gangs;
  readonly audits: Audits;
  readonly gangHold: GangHold;
  readonly deadlines: Deadlines;
  /** By owner; the database holds the same. */
  readonly quotas: Map<string, Quota>;
  /** Every host that ever attached, by name; the database holds the same. */
  readonly hosts: Map<string, HostRecord>;
  /** Ids of receipt keys that count for nothing, or are about to; the database says which. */
  readonly revokedKeys: Set<string>;
  /** The one stream of each attached host. */
  readonly sessions: Map<string, HostStream>;
  /** Hosts that were attached to this process, or held runs when it began, and since when they are gone. */
  readonly away: Map<string, number>;
  /** Sites whose runs are not given up now. */
  braked: ReadonlySet<string>;
  /** Streams that have not said whose they are. */
  readonly strangers: Set<HostStream>;
  /** Cancels that were committed while their run was on its way into `runs`. */
  readonly earlyCancels: Map<string, string>;
  /** Receipts on their way into the log, by run: a doubled update waits for the first. */
  readonly finishing: Map<string, Promise<number>>;
  /** Runs whose accepted receipt could not be brought into the log yet. */
  readonly receiptsOwed: ReceiptsOwed;
  /** Absent where nobody offers capacity. */
  burst: Burst | undefined;
  /** Asks for a round of dispatch, soon. */
  readonly wake: () => void;
}

/** A host's stream as everyone but the stream itself sees it. */
export interface HostStream {
  /** The agent process that speaks on it. */
  readonly instanceId: string;
  /** Boot-clock time of the newest message. */
  readonly heardAtMs: number;
  /** Latest sample, in memory only. */
  readonly telemetry: TelemetrySample | undefined;
  send(message: AttachResponse): void;
  /** The stream is over, from whichever side. */
  close(): void;
}

/**
 * When a lease that is granted or renewed now ends here; the host's own view of it ends earlier.
 */
export function leaseEnd(core: Core): number {
  const { leaseMs, leaseMarginMs } = core.options;
  return core.ports.clock.bootMs() + leaseMs + leaseMarginMs;
}

export function trouble(core: Core, what: string, thrown: unknown): QuipuError {
  const error = QuipuError.from(thrown);
  core.ports.observe({ kind: "trouble", what, error });
  return error;
}

/** The log has fallen too far behind to place anything, or has caught up. */
export function tellOwed(core: Core, isFull: boolean): void {
  const { fault } = core.receiptsOwed;
  if (isFull && fault !== undefined) trouble(core, "log", new QuipuError("UNAVAILABLE", fault));
  else core.wake();
}

export function note(core: Core, jobId: string, text: string): void {
  core.ports.observe({ kind: "job", jobId, text });
}

export function notFound(what: string, name: string, next: string): QuipuError {
  return new QuipuError("NOT_FOUND", `there is no ${what} ${name.slice(0, 100)}`, { next });
}
