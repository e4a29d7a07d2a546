/** What the demo answers with `--json`: one object, complete enough to check every claim it makes. */
import type { AuditView } from "../audit/audit-view.js";
import type { HostView } from "../host/host-view.js";
import type { JobView } from "../job/job-view.js";

export interface DemoReport {
  readonly hosts: ReturnType<typeof demoHost>[];
  readonly jobs: ReturnType<typeof demoJob>[];
  /** Share of the test rows that were classified right. */
  readonly accuracy: number;
  readonly log: { readonly origin: string; readonly size: number; readonly rootHash: string };
  readonly verify: { readonly receipts: number; readonly failed: number };
  /** Runs that were run again on another host. */
  readonly audits: readonly Pick<AuditView, "jobId" | "state" | "answers">[];
  readonly rerun: { readonly backend: string; readonly equal: boolean };
  readonly elapsedMs: number;
}

export function demoHost({ name, country, site, devices }: HostView) {
  return { name, country, site, devices };
}

/** `receipt` is the path of the job's receipt bundle; null for a job that never ran. */
export function demoJob(job: JobView, receipt: string | null) {
  const { id, name, driver, state, host, country, reasons, outputDigest, determinism, backend } =
    job;
  return {
    id,
    name,
    driver,
    state,
    host,
    country,
    reasons,
    receipt,
    outputDigest,
    determinism,
    backend,
  };
}

/** What must hold for the demo to have shown what it says; the names of those that do not. */
export function brokenClaims(report: DemoReport): string[] {
  const find = (name: string) => report.jobs.find((job) => job.name === name);
  const open = report.jobs.filter((job) => job.name.startsWith("classify-open"));
  const refused = find("classify-in-germany");
  const claims: readonly [string, boolean][] = [
    ["three hosts attached", report.hosts.length === 3],
    ["the hash job succeeded", find("manifest")?.state === "succeeded"],
    ["the tensor job succeeded", find("classify")?.state === "succeeded"],
    ["personal data stayed in SG and CL", ["SG", "CL"].includes(find("classify")?.country ?? "")],
    ["accuracy is above 0.95", report.accuracy > 0.95],
    ["the job in DE was refused", refused?.state === "refused"],
    [
      "its refusal names a rule for de-1",
      refused?.reasons.some(({ host, rule }) => host === "de-1" && rule !== "") === true,
    ],
    [
      "all public jobs succeeded",
      open.length >= 3 && open.every((job) => job.state === "succeeded"),
    ],
    ["one of them burst to de-1", open.filter((job) => job.host === "de-1").length === 1],
    [
      "every run has a receipt",
      report.jobs.every((job) => job.state !== "succeeded" || job.receipt !== null),
    ],
    [
      "every receipt verifies",
      report.verify.receipts === open.length + 2 && report.verify.failed === 0,
    ],
    [
      "every run was run again elsewhere, with the same bits",
      report.audits.length === open.length + 2 &&
        report.audits.every(({ state }) => state === "agreed"),
    ],
    ["the rerun gave the same bits", report.rerun.equal],
  ];
  return claims.filter(([, holds]) => !holds).map(([claim]) => claim);
}
