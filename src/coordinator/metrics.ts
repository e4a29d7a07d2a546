/** The coordinator's own numbers as Prometheus text. What hosts measure is served by the hosts. */
import { committedNanos } from "../scheduler/burst/budget.js";
import type { PilotState } from "../scheduler/burst/state.js";
import type { Coordinator } from "./coordinator.js";
import type { Core } from "./core.js";

/** `serves`: itself or by another; `coordinator`: while this one leads. */
export async function metricsText(
  coordinator: Coordinator | undefined,
  serves = coordinator !== undefined,
): Promise<string> {
  const own = [
    gauge("quipu_coordinator_up", "Whether calls are answered here.", Number(serves)),
    gauge("quipu_coordinator_leads", "Whether it leads.", Number(coordinator !== undefined)),
  ].join("");
  if (coordinator === undefined) return own;
  const { core } = coordinator;
  const queued = await core.ports.store.jobs.countQueued();
  return [
    own,
    gauge("quipu_hosts", "Hosts that ever attached.", core.hosts.size),
    gauge("quipu_hosts_attached", "Hosts with a stream now.", core.sessions.size),
    gauge("quipu_jobs_queued", "Jobs that wait for a placement.", queued),
    gauge("quipu_runs_granted", "Runs that hold a lease now.", core.runs.size),
    gauge("quipu_receipts_staged", "Accepted, not yet in the log.", core.receiptsOwed.size),
    gauge("quipu_log_entries", "Entries of the log.", core.ports.log.head().size),
    ...auditMetrics(core),
    ...burstMetrics(core),
  ].join("");
}

function auditMetrics({ audits: { ended } }: Core): readonly string[] {
  const told = (state: keyof typeof ended, help: string) =>
    counter(`quipu_audits_${state}_total`, `${help} since this process began.`, ended[state]);
  return [
    told("agreed", "Audits in which hosts said the same"),
    told("decided", "Audits in which a host was found wrong"),
    told("undecided", "Audits in which hosts differ and nobody is left to ask"),
    told("unanswered", "Audits that nobody else answered"),
  ];
}

/** Nothing where nobody offers capacity. */
function burstMetrics({ burst }: Core): readonly string[] {
  if (burst?.state === undefined) return [];
  const { pilots, nowMs } = burst.state;
  const living = pilots.filter(({ stage }) => stage !== "ended");
  const { started, failed } = burst.counts;
  const committed = Number(committedNanos(pilots, nowMs)) / 1e9;
  return [
    gauge("quipu_pilots", "Pilots that were asked for and have not ended.", living.length),
    gauge("quipu_pilots_attached", "Pilots with a stream now.", living.filter(isAttached).length),
    gauge("quipu_pilots_cost", "Of 24 hours, living ones to their end; in units.", committed),
    counter("quipu_pilots_started_total", "Pilots asked for since this process began.", started),
    counter("quipu_pilots_failed_total", "Pilots that never joined since then.", failed),
    counter("quipu_pilots_orphaned_total", "Found pilots that nobody knew.", burst.orphans),
  ];
}

function isAttached({ attached, stage }: PilotState): boolean {
  return attached && stage !== "ended";
}

function gauge(name: string, help: string, value: number): string {
  return metric("gauge", name, help, value);
}

function counter(name: string, help: string, value: number): string {
  return metric("counter", name, help, value);
}

function metric(type: "gauge" | "counter", name: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
}
