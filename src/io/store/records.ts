/**
 * Rows of the coordinator's store as plain values. Times are wall-clock milliseconds, for people.
 */
import type { Digest } from "../../base/bytes.js";
import type { ErrorCode, ErrorJson } from "../../base/errors.js";
import type { Artifact } from "../../model/artifact.js";
import type { Answer, AuditReason, AuditState, Finding } from "../../model/audit.js";
import type { PilotStage } from "../../model/burst.js";
import type { DataClass, DataSet } from "../../model/data-set.js";
import type { Device, DeviceKind, RunLoad } from "../../model/host.js";
import type { JobState } from "../../model/job.js";
import type { Place } from "../../model/place.js";
import type { Price } from "../../model/price-book.js";
import type { Determinism } from "../../model/run.js";
import type { WaitHistory } from "../../model/waits.js";

export interface JobRecord {
  readonly id: string;
  /** Order of admission; a job admitted later has a higher one. */
  readonly position: number;
  readonly name: string;
  readonly owner: string;
  readonly driver: string;
  /** Canonical JSON of the job: the bytes that `specDigest` is taken over. */
  readonly spec: Uint8Array;
  readonly specDigest: Digest;
  readonly attemptsMax: number;
  readonly state: JobState;
  /** The newest run; empty before the first placement. */
  readonly runId: string;
  /** Placements so far; the epoch of the newest run. */
  readonly epoch: number;
  readonly host: string;
  readonly country: string;
  /** The newest decision; empty before the first one. */
  readonly decisionId: string;
  /** Set once by a cancel; a run may still end otherwise before the cancel reaches it. */
  readonly cancelReason?: string;
  readonly failure?: ErrorJson;
  /** Where runs of it ended through their host's fault, each host once; at most `attemptsMax`. */
  readonly failedHosts?: readonly FailedHost[];
  /** Jobs that must succeed before this one is placed; absent when there are none left. */
  readonly waitsFor?: readonly string[];
  /** Others wait for this one. */
  readonly isFollowed?: boolean;
  /** What it waited for so far. */
  readonly waits?: WaitHistory;
  /** The gang that it is a member of: the id of the job of rank 0. */
  readonly gangId?: string;
  /** The audit that it runs again for; it is no one's own job then. */
  readonly auditId?: string;
  /** When it has to have ended. */
  readonly deadlineMs?: number;
  readonly submittedAtMs: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  /** What the accepted receipt states. */
  readonly result?: JobResult;
}

/** One job comes after another. */
export interface JobLinkRecord {
  readonly jobId: string;
  readonly afterId: string;
  /** What it takes of that one's outputs; empty: nothing. */
  readonly output: string;
}

export interface FailedHost {
  readonly host: string;
  readonly code: ErrorCode;
}

export interface JobResult {
  readonly outputs: readonly Artifact[];
  /** Present when the run succeeded. */
  readonly outputDigest?: Digest;
  readonly determinism?: Determinism;
  readonly backend?: string;
  /** Absent while the log has not taken the receipt yet. */
  readonly logIndex?: number;
}

/**
 * `assigned`: granted, the agent has not answered. `acknowledged`: the agent works on it.
 * `sealed`: its receipt is here and has decided the job; only the log entry is still to be made.
 * `ended`: its receipt is in the log. `lost`: given up; whatever comes later is evidence.
 */
export type RunStage = "assigned" | "acknowledged" | "sealed" | "ended" | "lost";

export interface RunRecord extends RunLoad {
  readonly id: string;
  readonly jobId: string;
  readonly epoch: number;
  readonly host: string;
  readonly stage: RunStage;
  /** Start of the agent process that acknowledged it; empty before. */
  readonly instanceId: string;
  /** The host's receipt key when the run was granted (SubjectPublicKeyInfo, DER). */
  readonly receiptKey: Uint8Array;
  readonly place: Place;
  readonly decisionDigest: Digest;
  readonly policyDigest: Digest;
  readonly decisionId: string;
  readonly dataSet?: {
    readonly name: string;
    readonly manifestDigest: Digest;
    readonly dataClass: DataClass;
  };
  readonly assignedAtMs: number;
  readonly endedAtMs?: number;
}

/** A run that is run again elsewhere, and what came of it. */
export interface AuditRecord {
  readonly id: string;
  /** The run that is looked into. There is one audit of a run at most. */
  readonly runId: string;
  readonly jobId: string;
  readonly reason: AuditReason;
  readonly state: AuditState;
  /** The job that runs it again now, or did last. */
  readonly againJobId: string;
  readonly openedAtMs: number;
  readonly closedAtMs?: number;
}

/** What a host says that a run comes to; the first is that of the run itself. */
export interface AuditAnswerRecord extends Answer {
  readonly runId: string;
  readonly auditId: string;
  /** Of the device that it ran on. */
  readonly deviceKind: DeviceKind;
  readonly finding: Finding;
}

/** How the answers of a host have been found so far. */
export interface ReputationRecord {
  readonly host: string;
  /** Of its receipt key: whoever comes with another one is new. */
  readonly keyId: string;
  readonly right: number;
  readonly wrong: number;
  /** Right ones since the last wrong one, or since the key. */
  readonly rightInRow: number;
}

/** What the coordinator has signed itself. */
export interface NoticeRecord {
  /** The job's where it tells how one ended; else its own. */
  readonly id: string;
  readonly stage: "staged" | "logged";
  readonly envelope: Uint8Array;
  /** The key that signed it (SubjectPublicKeyInfo, DER). */
  readonly key: Uint8Array;
  /** Orders those of one process, in which no two have the same. */
  readonly madeAtMs: number;
  readonly logIndex?: number;
}

export interface HostRecord {
  readonly name: string;
  readonly place: Place;
  readonly devices: readonly Device[];
  readonly cores?: number;
  readonly memoryBytes?: number;
  readonly dataSets: readonly string[];
  /** The inventory as the agent sent it (protobuf bytes), for those who ask. */
  readonly inventory: Uint8Array;
  readonly httpUrl: string;
  readonly receiptKey: Uint8Array;
  /** Ids of keys that it came with, oldest first, and when; one that came back stands twice. No pilot's. */
  readonly newKeys?: readonly { readonly keyId: string; readonly atMs: number }[];
  /** Ids of keys that must never sign for it again. */
  readonly revokedKeys?: readonly string[];
  readonly lastSeenAtMs: number;
  /** While it takes no new runs. */
  readonly cordon?: Cordon;
  /** The offer whose pilots bear this name, one at a time; such a host is there before any of them. */
  readonly offer?: string;
}

/** An allocation that was or is to be had from an offer, and the agent in it. */
export interface PilotRecord {
  readonly id: string;
  readonly offer: string;
  /** Its name as a host. */
  readonly host: string;
  readonly stage: PilotStage;
  /** Of the token that its agent shows; the token itself is kept nowhere. */
  readonly tokenDigest: Digest;
  /** Receipt key of the one agent that the token admitted (SubjectPublicKeyInfo, DER). */
  readonly receiptKey?: Uint8Array;
  /** The job that asked for it first. */
  readonly jobId: string;
  readonly price?: Price;
  readonly createdAtMs: number;
  readonly joinedAtMs?: number;
  /** By then it is over, whatever it does. */
  readonly endsAtMs: number;
  readonly endedAtMs?: number;
  /** Why it was let go, or failed; empty before. */
  readonly reason: string;
  readonly failed: boolean;
}

export interface Cordon {
  readonly reason: string;
  readonly atMs: number;
  /** Runs that are not over by then go elsewhere; absent: they may end as they will. */
  readonly drainAtMs?: number;
}

export interface DataSetRecord {
  readonly facts: DataSet;
  readonly registeredAtMs: number;
}

/** Somebody's use of a data set, or results of it that left. */
export interface DataUseRecord {
  /** The run's, or the run's and the country that its results went to. */
  readonly id: string;
  readonly dataSet: string;
  readonly dataClass: DataClass;
  /** Of the job; empty for results that left. */
  readonly owner: string;
  /** Of the data; empty where it is not stated. */
  readonly origin: string;
  /** In the country of origin. */
  readonly year: number;
  /** Where it is used, or went. */
  readonly country: string;
  readonly persons: number;
}

/** A policy set as it came into force. */
export interface PolicySetRecord {
  readonly digest: Digest;
  /** Handed over by a call; else read from the coordinator's policy folder. */
  readonly applied: boolean;
  /** File name → text. */
  readonly files: Readonly<Record<string, string>>;
  readonly atMs: number;
}

export interface DecisionRecord {
  readonly id: string;
  readonly jobId: string;
  /** Canonical JSON of the decision. */
  readonly content: Uint8Array;
}

/**
 * `staged`: accepted, on its way into the log. `logged`: in the log at `logIndex`.
 * `evidence`: verified, but its run counted no longer; never logged.
 */
export type ReceiptStage = "staged" | "logged" | "evidence";

export interface ReceiptRecord {
  readonly runId: string;
  readonly jobId: string;
  readonly epoch: number;
  readonly stage: ReceiptStage;
  /** DSSE envelope, the very bytes that the agent sent; of length 0 once it was erased. */
  readonly envelope: Uint8Array;
  /** What lets its fields be shown one by one; goes with the envelope. */
  readonly disclosure?: { readonly envelope: Uint8Array; readonly seed: Uint8Array };
  readonly logIndex?: number;
  readonly receivedAtMs: number;
}

export interface SubmissionRecord {
  readonly key: string;
  /** Digest over the digests of the submitted jobs, in order. */
  readonly digest: Digest;
  readonly jobIds: readonly string[];
}
