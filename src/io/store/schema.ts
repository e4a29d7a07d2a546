/** Columns of the coordinator's tables as the query builder sees them. JSON columns hold text. */
import type { AuditReason, AuditState, Finding } from "../../model/audit.js";
import type { PilotStage } from "../../model/burst.js";
import type { DeviceKind } from "../../model/host.js";
import type { JobState } from "../../model/job.js";
import type { ReceiptStage, RunStage } from "./records.js";

export interface Schema {
  jobs: JobRow;
  runs: RunRow;
  hosts: HostRow;
  data_sets: DataSetRow;
  decisions: DecisionRow;
  papers: PaperRow;
  receipts: ReceiptRow;
  notices: NoticeRow;
  submissions: SubmissionRow;
  job_links: JobLinkRow;
  run_log_lines: RunLogRow;
  log_leaves: LogLeafRow;
  log_marks: LogMarkRow;
  leaders: LeaderRow;
  store_openers: StoreOpenerRow;
  log_heads: LogHeadRow;
  log_stages: LogStageRow;
  log_files: LogFileRow;
  policy_sets: PolicySetRow;
  data_uses: DataUseRow;
  pilots: PilotRow;
  quotas: QuotaRow;
  audits: AuditRow;
  audit_answers: AuditAnswerRow;
  reputations: ReputationRow;
}

export interface JobRow {
  id: string;
  position: number;
  name: string;
  driver: string;
  spec: Uint8Array;
  spec_digest: string;
  attempts_max: number;
  state: JobState;
  run_id: string;
  epoch: number;
  host: string;
  country: string;
  decision_id: string;
  cancel_reason: string | null;
  failure: string | null;
  failed_hosts: string | null;
  owner: string | null;
  waits_for: string | null;
  /** 1 where others wait for it. */
  followed: number | null;
  deadline_ms: number | null;
  waits: string | null;
  gang_id: string | null;
  audit_id: string | null;
  submitted_at_ms: number;
  started_at_ms: number | null;
  finished_at_ms: number | null;
  result: string | null;
}

export interface JobLinkRow {
  after_id: string;
  job_id: string;
  output: string;
}

export interface RunRow {
  id: string;
  job_id: string;
  epoch: number;
  host: string;
  device: string;
  slots: number;
  memory_bytes: number;
  more: string | null;
  stage: RunStage;
  instance_id: string;
  receipt_key: Uint8Array;
  place: string;
  decision_id: string;
  decision_digest: string;
  policy_digest: string;
  data_set: string | null;
  assigned_at_ms: number;
  ended_at_ms: number | null;
}

export interface HostRow {
  name: string;
  facts: string;
  inventory: Uint8Array;
  receipt_key: Uint8Array;
  last_seen_at_ms: number;
}

export interface DataSetRow {
  name: string;
  facts: string;
  registered_at_ms: number;
}

export interface PaperRow {
  digest: string;
  content: Uint8Array;
}

export interface DecisionRow {
  id: string;
  job_id: string;
  content: Uint8Array;
}

export interface ReceiptRow {
  run_id: string;
  job_id: string;
  epoch: number;
  stage: ReceiptStage;
  envelope: Uint8Array;
  log_index: number | null;
  received_at_ms: number;
  disclosure: Uint8Array | null;
  disclosure_seed: Uint8Array | null;
}

export interface NoticeRow {
  id: string;
  stage: "staged" | "logged";
  envelope: Uint8Array;
  key: Uint8Array;
  made_at_ms: number;
  log_index: number | null;
}

export interface SubmissionRow {
  key: string;
  digest: string;
  job_ids: string;
}

export interface RunLogRow {
  run_id: string;
  sequence: number;
  line: string;
  size_bytes: number;
}

export interface LogLeafRow {
  leaf_hash: string;
  log_index: number;
}

export interface LogMarkRow {
  name: string;
  complete_to: number;
}

export interface LeaderRow {
  name: string;
  epoch: number;
  holder: string;
  address: string;
  keys: string;
  lease_ends_at_ms: number;
}

export interface StoreOpenerRow {
  id: string;
  commits: number;
}

export interface LogHeadRow {
  name: string;
  note: string;
}

export interface LogStageRow {
  size: number;
  root: string;
  content: Uint8Array;
}

export interface LogFileRow {
  path: string;
  /** The finished tile or bundle whose unfinished form this is. */
  partial_of: string | null;
  content: Uint8Array;
}

export interface PolicySetRow {
  position: number;
  digest: string;
  /** 0 or 1: not every database knows truth. */
  applied: number;
  files: string;
  at_ms: number;
}

export interface QuotaRow {
  owner: string;
  facts: string;
}

export interface DataUseRow {
  id: string;
  data_set: string;
  data_class: string;
  owner: string;
  origin: string;
  year: number;
  country: string;
  persons: number;
}

export interface PilotRow {
  id: string;
  offer: string;
  host: string;
  stage: PilotStage;
  token_digest: string;
  receipt_key: Uint8Array | null;
  facts: string;
  ended_at_ms: number | null;
}

export interface AuditRow {
  id: string;
  run_id: string;
  job_id: string;
  reason: AuditReason;
  state: AuditState;
  again_job_id: string;
  opened_at_ms: number;
  closed_at_ms: number | null;
}

export interface AuditAnswerRow {
  run_id: string;
  audit_id: string;
  host: string;
  key_id: string;
  device_kind: DeviceKind;
  answer: string;
  finding: Finding;
  at_ms: number;
}

export interface ReputationRow {
  host: string;
  key_id: string;
  right_count: number;
  wrong_count: number;
  right_in_row: number;
}
