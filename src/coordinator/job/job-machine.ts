/**
 * The life of a job as a pure function: a job, what happened, and the job after it.
 *
 *   queued ──place──▶ placed ──start──▶ running ──settle──▶ succeeded | failed | cancelled
 *     │ ▲               │                 │
 *     │ └──── lose ─────┴─────────────────┘   (attempts left; else lost; if asked for, cancelled; by law, refused)
 *     ├── refuse ──▶ refused
 *     └── cancel, abandon ──▶ cancelled
 *
 * A terminal state is never left. Frozen: `quipu job` and receipts speak of these states.
 */
import type { ErrorJson } from "../../base/errors.js";
import type { JobRecord, JobResult } from "../../io/store/records.js";
import type { JobState } from "../../model/job.js";
import { waitingFor, waitOver } from "../../model/waits.js";
import { failedHostsAfter, poisonOf, retryAfter } from "./retry.js";

export type JobEvent =
  /** A host was granted a new run. */
  | {
      readonly kind: "place";
      readonly runId: string;
      readonly host: string;
      readonly country: string;
      readonly decisionId: string;
    }
  /** No capacity now; the newest decision says why, by this rule above all. */
  | { readonly kind: "wait"; readonly decisionId: string; readonly rule: string }
  /** No host may run it. */
  | { readonly kind: "refuse"; readonly decisionId: string }
  /** The agent acknowledged the run. */
  | { readonly kind: "start" }
  /** The run's receipt is in the log. */
  | {
      readonly kind: "settle";
      readonly outcome: "succeeded" | "failed" | "cancelled";
      readonly failure?: ErrorJson;
      readonly result: JobResult;
    }
  /** The run is given up without a receipt; what was no fault of the job costs it no attempt. */
  | { readonly kind: "lose"; readonly failure: ErrorJson }
  /** Its owner wants it no longer, or `failure` says why it has to end. */
  | { readonly kind: "cancel"; readonly reason: string; readonly failure?: ErrorJson }
  /** It can no longer come to anything, through nothing that it did. */
  | { readonly kind: "abandon"; readonly failure: ErrorJson };

/** States in which an event means something; anywhere else it changes nothing. */
export const jobEventStates: Readonly<Record<JobEvent["kind"], readonly JobState[]>> = {
  place: ["queued"],
  wait: ["queued"],
  refuse: ["queued"],
  start: ["placed"],
  settle: ["placed", "running"],
  lose: ["placed", "running"],
  cancel: ["queued", "placed", "running"],
  abandon: ["queued"],
};

/** The job after `event`; undefined when the event means nothing in its state. */
export function stepJob(job: JobRecord, event: JobEvent, atMs: number): JobRecord | undefined {
  if (!jobEventStates[event.kind].includes(job.state)) return undefined;
  if (event.kind === "wait") {
    const waits = waitingFor(job.waits, event.rule, atMs);
    return { ...job, decisionId: event.decisionId, waits };
  }
  const waits = waitOver(job.waits, atMs);
  return afterEvent(waits === undefined ? job : { ...job, waits }, event, atMs);
}

function afterEvent(
  job: JobRecord,
  event: Exclude<JobEvent, { kind: "wait" }>,
  atMs: number,
): JobRecord {
  switch (event.kind) {
    case "place": {
      const { runId, host, country, decisionId } = event;
      const epoch = job.epoch + 1;
      return { ...unfailed(job), state: "placed", runId, epoch, host, country, decisionId };
    }
    case "refuse":
      return { ...job, state: "refused", decisionId: event.decisionId, finishedAtMs: atMs };
    case "start":
      return { ...job, state: "running", startedAtMs: job.startedAtMs ?? atMs };
    case "settle": {
      const { outcome, failure, result } = event;
      const ended = { ...unfailed(job), state: outcome, finishedAtMs: atMs, result };
      // Why it was stopped says more than that it was.
      const why = outcome === "cancelled" ? (job.failure ?? failure) : failure;
      return why === undefined ? ended : { ...ended, failure: why };
    }
    case "lose":
      return afterLoss(job, event.failure, atMs);
    case "abandon":
      return { ...job, state: "cancelled", failure: event.failure, finishedAtMs: atMs };
    case "cancel": {
      const marked = {
        ...job,
        cancelReason: job.cancelReason ?? event.reason,
        ...(event.failure === undefined ? {} : { failure: event.failure }),
      };
      if (job.state !== "queued") return marked;
      return { ...marked, state: "cancelled", finishedAtMs: atMs };
    }
  }
}

function afterLoss(job: JobRecord, failure: ErrorJson, atMs: number): JobRecord {
  if (job.cancelReason !== undefined) {
    return { ...job, state: "cancelled", finishedAtMs: atMs };
  }
  const retry = retryAfter(failure.code);
  if (retry === "never") return { ...job, state: "refused", failure, finishedAtMs: atMs };
  const attemptsMax = job.attemptsMax + (retry === "free" ? 1 : 0);
  const failedHosts = failedHostsAfter(job, failure.code);
  const failed = failedHosts.length === 0 ? job : { ...job, failedHosts };
  const poison = poisonOf(failed);
  if (poison !== undefined || job.epoch >= attemptsMax) {
    return { ...failed, state: "lost", failure: poison ?? failure, finishedAtMs: atMs };
  }
  // Why the last attempt was lost stays readable while the job waits for its next one.
  const waiting = { runId: "", host: "", country: "", decisionId: "" };
  return { ...failed, ...waiting, state: "queued", attemptsMax, failure };
}

function unfailed({ failure, ...job }: JobRecord): JobRecord {
  return job;
}
