/**
 * What the coordinator keeps, behind small interfaces that state their durability.
 *
 * - `transact(work)` resolves when all that `work` wrote is on disk, and rejects with none of it
 *   kept. Works run one after another as if alone; several may share one commit.
 * - A database may have to run a work twice (serialisation conflict), so a work touches nothing but
 *   its tables and returns what it found. It never waits for anything else, and never calls
 *   `transact` or the tables outside it: those wait for the commit.
 * - Reads outside a transaction see committed rows only.
 *
 * SQLite serves one coordinator; nothing here is particular to it, so that a PostgreSQL-compatible
 * database can serve many.
 */
import type { Digest } from "../../base/bytes.js";
import type { Paper } from "../../model/decision.js";
import type {
  DataSetRecord,
  DecisionRecord,
  HostRecord,
  JobRecord,
  ReceiptRecord,
  ReceiptStage,
  RunRecord,
  RunStage,
  SubmissionRecord,
} from "./records.js";

export interface CoordinatorStore extends StoreTables {
  transact<T>(work: (tables: StoreTables) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface StoreTables {
  readonly jobs: JobTable;
  readonly runs: RunTable;
  readonly hosts: HostTable;
  readonly dataSets: DataSetTable;
  readonly decisions: DecisionTable;
  readonly papers: PaperTable;
  readonly receipts: ReceiptTable;
  readonly submissions: SubmissionTable;
  readonly runLogs: RunLogTable;
  readonly logIndex: LogIndexTable;
}

export interface JobTable {
  insert(jobs: readonly JobRecord[]): Promise<void>;
  get(id: string): Promise<JobRecord | undefined>;
  /** Replaces the row of the same id; what was asked (spec, position) stays as inserted. */
  update(job: JobRecord): Promise<void>;
  /** Queued jobs above this position, first admitted first. */
  queued(limit: number, afterPosition: number): Promise<readonly JobRecord[]>;
  /** The same, but only those about which nothing has been decided since they were queued. */
  undecided(limit: number, afterPosition: number): Promise<readonly JobRecord[]>;
  /** Newest first, only those with a lower position. */
  list(limit: number, beforePosition: number): Promise<readonly JobRecord[]>;
  countQueued(): Promise<number>;
  /** Highest position given so far, 0 for none. */
  lastPosition(): Promise<number>;
}

export interface RunTable {
  /** Fails when the device already has a run that is not over. */
  insert(run: RunRecord): Promise<void>;
  get(id: string): Promise<RunRecord | undefined>;
  update(
    id: string,
    change: { stage: RunStage; instanceId?: string; endedAtMs?: number },
  ): Promise<void>;
  /** Runs in these stages, oldest first. */
  inStages(stages: readonly RunStage[]): Promise<readonly RunRecord[]>;
}

export interface HostTable {
  put(host: HostRecord): Promise<void>;
  get(name: string): Promise<HostRecord | undefined>;
  all(): Promise<readonly HostRecord[]>;
}

export interface DataSetTable {
  insert(dataSet: DataSetRecord): Promise<void>;
  get(name: string): Promise<DataSetRecord | undefined>;
  all(): Promise<readonly DataSetRecord[]>;
}

export interface DecisionTable {
  insert(decision: DecisionRecord): Promise<void>;
  get(id: string): Promise<DecisionRecord | undefined>;
  delete(id: string): Promise<void>;
}

/** What records name by a digest. */
export interface PaperTable {
  /** A paper that is there stays as it is. */
  put(papers: readonly Paper[]): Promise<void>;
  get(digest: Digest): Promise<Uint8Array | undefined>;
}

export interface ReceiptTable {
  /** Keeps the first receipt of a run; false when there is one already. */
  insert(receipt: ReceiptRecord): Promise<boolean>;
  get(runId: string): Promise<ReceiptRecord | undefined>;
  setLogged(runId: string, logIndex: number): Promise<void>;
  inStage(stage: ReceiptStage): Promise<readonly ReceiptRecord[]>;
}

export interface SubmissionTable {
  insert(submission: SubmissionRecord): Promise<void>;
  get(key: string): Promise<SubmissionRecord | undefined>;
}

export interface RunLogTable {
  /** Appends, and drops the oldest lines of the run past `bytesMax`. */
  append(runId: string, lines: readonly string[], bytesMax: number): Promise<void>;
  /** Lines with a sequence number above `after`, in order. */
  read(runId: string, after: number): Promise<{ lines: readonly string[]; last: number }>;
}

/** Which log entry holds a leaf. A cache of the log, which is the truth: it can be rebuilt. */
export interface LogIndexTable {
  put(leafHash: Digest, index: number): Promise<void>;
  get(leafHash: Digest): Promise<number | undefined>;
  /** The lowest index that is not here. Reads the whole table. */
  firstGap(): Promise<number>;
}
