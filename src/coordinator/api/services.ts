/** Every service of the coordinator and the one file that answers each of its calls. */
import { AttachService } from "../../gen/quipu/v1/attach_pb.js";
import { AuditService } from "../../gen/quipu/v1/audit_pb.js";
import { BurstService } from "../../gen/quipu/v1/burst_pb.js";
import { ArtifactService, DataSetService, HostService } from "../../gen/quipu/v1/fleet_pb.js";
import { JobService } from "../../gen/quipu/v1/jobs_pb.js";
import { LogService } from "../../gen/quipu/v1/log_pb.js";
import { PolicyService } from "../../gen/quipu/v1/policy_pb.js";
import { QuotaService } from "../../gen/quipu/v1/quota_pb.js";
import { type Binding, bind } from "../../io/rpc/service.js";
import type { Coordinator } from "../coordinator.js";
import type { PolicyBook } from "../policy-book.js";
import { addDataSet } from "./add-data-set.js";
import { applyPolicy } from "./apply-policy.js";
import { askAudit } from "./ask-audit.js";
import { attach } from "./attach.js";
import { cancelJob } from "./cancel-job.js";
import { cordonHost } from "./cordon-host.js";
import { eraseReceipt } from "./erase-receipt.js";
import { explainHost } from "./explain-host.js";
import { getAudit } from "./get-audit.js";
import { getHost } from "./get-host.js";
import { getJob } from "./get-job.js";
import { getJobLogs } from "./get-job-logs.js";
import { getPolicy } from "./get-policy.js";
import { grantArtifact } from "./grant-artifact.js";
import { grantOutputs } from "./grant-outputs.js";
import { listArtifacts } from "./list-artifacts.js";
import { listAudits } from "./list-audits.js";
import { listDataSets } from "./list-data-sets.js";
import { listHosts } from "./list-hosts.js";
import { listJobs } from "./list-jobs.js";
import { listPilots } from "./list-pilots.js";
import { listQuotas } from "./list-quotas.js";
import { logService } from "./log-service.js";
import { planJobs } from "./plan-jobs.js";
import { removeQuota } from "./remove-quota.js";
import { replayRuns } from "./replay-runs.js";
import { revokeKey } from "./revoke-key.js";
import { setQuota } from "./set-quota.js";
import { submitJobs } from "./submit-jobs.js";
import { uncordonHost } from "./uncordon-host.js";
import { watchJob } from "./watch-job.js";

/** What `services` binds. */
export const servedServices = [
  AttachService,
  JobService,
  HostService,
  BurstService,
  DataSetService,
  ArtifactService,
  PolicyService,
  QuotaService,
  AuditService,
  LogService,
] as const;

export function services(coordinator: Coordinator, policies: PolicyBook): readonly Binding[] {
  const { core } = coordinator;
  return [
    bind(AttachService, { attach: attach(coordinator) }),
    bind(JobService, {
      submitJobs: submitJobs(core),
      planJobs: planJobs(core),
      explainHost: explainHost(core),
      getJob: getJob(core),
      listJobs: listJobs(core),
      watchJob: watchJob(core),
      cancelJob: cancelJob(core),
      eraseReceipt: eraseReceipt(core),
      getJobLogs: getJobLogs(core),
      grantOutputs: grantOutputs(core),
    }),
    bind(HostService, {
      listHosts: listHosts(core),
      getHost: getHost(core),
      cordonHost: cordonHost(core),
      uncordonHost: uncordonHost(core),
      revokeKey: revokeKey(core),
    }),
    bind(BurstService, { listPilots: listPilots(core) }),
    bind(DataSetService, { addDataSet: addDataSet(core), listDataSets: listDataSets(core) }),
    bind(ArtifactService, {
      listArtifacts: listArtifacts(core),
      grantArtifact: grantArtifact(core),
    }),
    bind(PolicyService, {
      getPolicy: getPolicy(policies),
      applyPolicy: applyPolicy(core, policies),
      replayRuns: replayRuns(core),
    }),
    bind(QuotaService, {
      listQuotas: listQuotas(core),
      setQuota: setQuota(core),
      removeQuota: removeQuota(core),
    }),
    bind(AuditService, {
      listAudits: listAudits(core),
      getAudit: getAudit(core),
      askAudit: askAudit(core),
    }),
    logService(core),
  ];
}
