/** The coordinator's own numbers as Prometheus text. What hosts measure is served by the hosts. */
import type { Coordinator } from "./coordinator.js";

export async function metricsText(coordinator: Coordinator | undefined): Promise<string> {
  if (coordinator === undefined) return gauge("quipu_coordinator_up", "Whether it serves.", 0);
  const { core } = coordinator;
  const queued = await core.ports.store.jobs.countQueued();
  return [
    gauge("quipu_coordinator_up", "Whether it serves.", 1),
    gauge("quipu_hosts", "Hosts that ever attached.", core.hosts.size),
    gauge("quipu_hosts_attached", "Hosts with a stream now.", core.sessions.size),
    gauge("quipu_jobs_queued", "Jobs that wait for a placement.", queued),
    gauge("quipu_runs_granted", "Runs that hold a lease now.", core.runs.size),
    gauge("quipu_receipts_staged", "Accepted, not yet in the log.", core.receiptsOwed.size),
    gauge("quipu_log_entries", "Entries of the log.", core.ports.log.head().size),
  ].join("");
}

function gauge(name: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`;
}
