/** `quipu status`: what is up, and what needs care with the next step for each. */
import type { VerbAction } from "../context.js";
import { hostView } from "../host/host-view.js";
import { jobView } from "../job/job-view.js";

const jobsShownMax = 500;

export const action: VerbAction = async (context) => {
  const { address, hosts, jobs, log } = await context.coordinator();
  const [hostList, jobList, head] = await Promise.all([
    hosts.listHosts({}),
    jobs.listJobs({ limit: jobsShownMax }),
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
