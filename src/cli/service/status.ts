/** `quipu status`: what is up, and what needs care with the next step for each. */
import { type AuditView, auditView, ownFinding } from "../audit/audit-view.js";
import type { VerbAction } from "../context.js";
import { hostView } from "../host/host-view.js";
import { jobView } from "../job/job-view.js";

const jobsShownMax = 500;
const auditsShownMax = 100;

/** A result that other hosts did not come to. */
function doubt(audit: AuditView): readonly string[] {
  const finding = ownFinding(audit);
  if (finding === "open" || finding === "right") return [];
  const said = finding === "wrong" ? "was found wrong" : "is in doubt";
  return [`the result of job ${audit.jobId} ${said}; next: quipu audit show ${audit.jobId}`];
}

export const action: VerbAction = async (context) => {
  const { address, hosts, jobs, log, audits } = await context.coordinator();
  const [hostList, jobList, auditList, head] = await Promise.all([
    hosts.listHosts({}),
    jobs.listJobs({ limit: jobsShownMax }),
    audits.listAudits({ limit: auditsShownMax }),
    log.getLogHead({}),
  ]);
  const hostViews = hostList.hosts.map(hostView);
  const counts: Record<string, number> = {};
  for (const { state } of jobList.jobs.map(jobView)) counts[state] = (counts[state] ?? 0) + 1;
  const care = [
    ...hostViews
      .filter((host) => !host.attached && host.offer === null)
      .map(
        (host) =>
          `host ${host.name} is away; next: look at its agent, \`quipu host show ${host.name}\``,
      ),
    ...(hostViews.length === 0 ? ["no host has attached; next: quipu up --country CC"] : []),
    ...((counts.queued ?? 0) > 0 ? ["some jobs wait; next: quipu job ls, quipu why JOB"] : []),
    ...auditList.audits.map(auditView).flatMap(doubt),
    ...hostViews.flatMap((host) =>
      (host.telemetry?.faults ?? []).map(
        ({ collector, text }) => `${host.name}: ${collector}: ${text}`,
      ),
    ),
  ];
  const attached = hostViews.filter((host) => host.attached).length;
  const value = {
    coordinator: address,
    hosts: { known: hostViews.length, attached },
    jobs: counts,
    log: { origin: head.origin, size: Number(head.size), rootHash: head.rootHash },
    care,
  };
  context.output.result(value, () => {
    const states = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
    return [
      `coordinator  ${address}`,
      `hosts        ${attached} attached of ${hostViews.length}`,
      `jobs         ${states.join(", ") || "none"}`,
      `log          ${head.origin}, ${head.size} entries`,
      care.length === 0 ? "health       all well" : `health       ${care.join("\n             ")}`,
    ].join("\n");
  });
  return 0;
};
