/** A job as `-o json` prints it and as people read it. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { timestamp } from "../../base/clock.js";
import { type Job, JobState, type Reason } from "../../gen/quipu/v1/types_pb.js";
import type { Reason as RuleReason } from "../../model/decision.js";
import type { JobState as StateName } from "../../model/job.js";
import { hostList } from "../../scheduler/placement/explain.js";
import { auditView } from "../audit/audit-view.js";
import type { Output, Style } from "../output.js";
import { type Column, durationText } from "../table.js";

const stateNames: Readonly<Record<JobState, StateName>> = {
  [JobState.UNSPECIFIED]: "queued",
  [JobState.QUEUED]: "queued",
  [JobState.PLACED]: "placed",
  [JobState.RUNNING]: "running",
  [JobState.SUCCEEDED]: "succeeded",
  [JobState.FAILED]: "failed",
  [JobState.CANCELLED]: "cancelled",
  [JobState.REFUSED]: "refused",
  [JobState.LOST]: "lost",
};

export function stateName(state: JobState): StateName {
  return stateNames[state];
}

export interface ReasonView extends RuleReason {
  /** The first of those named. */
  readonly host: string;
}

export function reasonView({ host, rule, text, law, hosts, named }: Reason): ReasonView {
  return { host, rule, text, ...(law === "" ? {} : { law }), hosts, named };
}

const timeView = (time: Job["submittedAt"]): string | null =>
  time === undefined ? null : timestamp(timestampMs(time));

function gangView({ gangId: id, gangRank: rank, gangSize: size }: Job) {
  return id === "" ? null : { id, rank, size };
}

/** The stable JSON form; a later version may add members, never change these. */
export function jobView(job: Job) {
  return {
    id: job.id,
    name: job.name,
    driver: job.driver,
    state: stateName(job.state),
    host: job.host === "" ? null : job.host,
    country: job.country === "" ? null : job.country,
    reasons: job.reasons.map(reasonView),
    submittedAt: timeView(job.submittedAt),
    startedAt: timeView(job.startedAt),
    finishedAt: timeView(job.finishedAt),
    specDigest: job.specDigest,
    runId: job.runId === "" ? null : job.runId,
    epoch: Number(job.epoch),
    progress: job.progress,
    activity: job.activity,
    outputs: job.outputs.map(({ name, digest, blake3, sizeBytes, mediaType }) => ({
      name,
      digest,
      blake3,
      sizeBytes: Number(sizeBytes),
      mediaType,
    })),
    outputDigest: job.outputDigest === "" ? null : job.outputDigest,
    determinism: job.determinism === "" ? null : job.determinism,
    backend: job.backend === "" ? null : job.backend,
    logIndex: job.receiptLogged ? Number(job.logIndex) : null,
    owner: job.owner,
    gang: gangView(job),
    waitsFor: [...job.waitsFor],
    waits: job.waits.map(({ rule, since, until }) => {
      return { rule, since: timeView(since), until: timeView(until) };
    }),
    waited: job.waitTotals.map(({ rule, durationMs }) => ({ rule, ms: Number(durationMs) })),
    audit: job.audit === undefined ? null : auditView(job.audit),
    failedHosts: job.failedHosts.map(({ host, code }) => ({ host, code })),
    failure:
      job.failure === undefined
        ? null
        : { code: job.failure.code, message: job.failure.message, next: job.failure.next },
  };
}
export type JobView = ReturnType<typeof jobView>;

const stateStyles: Readonly<Record<StateName, Style>> = {
  queued: "yellow",
  placed: "cyan",
  running: "cyan",
  succeeded: "green",
  failed: "red",
  cancelled: "dim",
  refused: "red",
  lost: "red",
};

export function stateText(output: Output, state: StateName): string {
  return output.style(stateStyles[state], state);
}

/** One line that says where a job is and what it does. */
export function jobLine(output: Output, job: JobView): string {
  const where = job.host === null ? "" : `  on ${job.host} (${job.country ?? "?"})`;
  const share = job.activity === "" ? "" : `  ${job.activity} ${Math.round(job.progress * 100)} %`;
  return `${job.id}  ${job.name}  ${stateText(output, job.state)}${where}${job.state === "running" ? share : ""}`;
}

/** What a person needs when it did not go well. */
export function jobTrouble(job: JobView): string[] {
  const lines: string[] = [];
  if (job.failure !== null) {
    lines.push(`  ${job.failure.code}  ${job.failure.message}`);
    if (job.failure.next !== "") lines.push(`  next: ${job.failure.next}`);
  }
  if (job.state === "refused" || job.state === "queued") lines.push(...reasonLines(job.reasons));
  return lines;
}

export function reasonLines(reasons: readonly ReasonView[]): string[] {
  return reasons.map((reason) => {
    const { rule, text, law } = reason;
    const basis = law === undefined ? "" : ` [${law}]`;
    return `  ${hostList([reason]) || "(fleet)"}: ${text} (${rule})${basis}`;
  });
}

/** How long it waited, and mostly for what; undefined when it did not. */
export function waitText({ waited }: Pick<JobView, "waited">): string | undefined {
  const sumMs = waited.reduce((sum, { ms }) => sum + ms, 0);
  if (waited.length === 0 || sumMs === 0) return undefined;
  const parts = waited.slice(0, 4).map(({ rule, ms }) => `${rule} ${durationText(ms)}`);
  return `${durationText(sumMs)}: ${parts.join(", ")}`;
}

export const jobColumns: readonly Column<JobView>[] = [
  { title: "JOB", cell: (job) => job.id },
  { title: "NAME", cell: (job) => job.name },
  { title: "DRIVER", cell: (job) => job.driver },
  { title: "STATE", cell: (job) => job.state },
  { title: "HOST", cell: (job) => job.host ?? "-" },
  { title: "COUNTRY", cell: (job) => job.country ?? "-" },
  { title: "RECEIPT", cell: (job) => (job.logIndex === null ? "-" : `log ${job.logIndex}`) },
];
