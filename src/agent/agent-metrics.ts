/** The agent itself as Prometheus text, beside the samples of its host. */
import type { AgentView } from "./agent.js";
import type { RunPhase } from "./ports.js";

const phases: readonly RunPhase[] = [
  "waiting",
  "claiming",
  "working",
  "sealing",
  "sealed",
  "lost",
  "ending",
];

export function agentMetrics(host: string, { attached, runs, spoolTrouble }: AgentView): string {
  const rows = phases.map((phase) => {
    const count = runs.filter((run) => run.phase === phase).length;
    return `quipu_agent_runs{host="${host}",phase="${phase}"} ${count}`;
  });
  return [
    "# HELP quipu_agent_attached 1 while the coordinator's welcome holds",
    "# TYPE quipu_agent_attached gauge",
    `quipu_agent_attached{host="${host}"} ${Number(attached)}`,
    "# HELP quipu_agent_runs Runs that this host holds; sealed ones wait for their acknowledgement",
    "# TYPE quipu_agent_runs gauge",
    ...rows,
    "# HELP quipu_agent_spool_blocked 1 while a sealed run cannot be written to disk",
    "# TYPE quipu_agent_spool_blocked gauge",
    `quipu_agent_spool_blocked{host="${host}"} ${Number(spoolTrouble !== "")}`,
    "",
  ].join("\n");
}
