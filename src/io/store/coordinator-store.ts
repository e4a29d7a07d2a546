/**
 * What the coordinator keeps, behind small interfaces that state their durability.
 *
 * - `transact(work)` resolves when all that `work` wrote is on disk, and rejects with none of it
 *   kept. Works run one after another as if alone; several may share one commit.
 * - A database may have to run a work twice (serialisation conflict), so a work touches nothing but
 *   its tables and returns what it found. It never waits for anything else, and never calls
 *   `transact` or the tables outside it: those wait for the commit.
 *   Works that get the same tables live and die together.
 * - Reads outside a transaction see committed rows only.
 * - A database that was lost in mid-commit is asked again until it says whether the commit
 *   happened; its works wait so long, and others are refused with UNAVAILABLE. So nothing that was
 *   rejected has happened, save when the store is closed meanwhile (`details.outcome` is `unknown`).
 *
 * SQLite serves one coordinator. A PostgreSQL-compatible database serves many: works of different
 * coordinators run as if one after another, too.
 */
import type { Digest } from "../../base/bytes.js";
import type { Finding } from "../../model/audit.js";
import type { Paper } from "../../model/decision.js";
import type { Quota } from "../../model/quota.js";
import type { StageName } from "../../proof/tlog/store.js";
import type { LeaderClaim, Leadership } from "./leader-lease.js";
import type {
  AuditAnswerRecord,
  AuditRecord,
  DataSetRecord,
  DataUseRecord,
  DecisionRecord,
  HostRecord,
  JobLinkRecord,
  JobRecord,
  NoticeRecord,
  PilotRecord,
  PolicySetRecord,
  ReceiptRecord,
  ReceiptStage,
  ReputationRecord,
  RunRecord,
  RunStage,
  SubmissionRecord,
} from "./records.js";

export interface CoordinatorStore extends StoreTables {
  transact<T>(work: (tables: StoreTables) => Promise<T>): Promise<T>;
  /**
   * From now on this process alone writes here, until it closes the store: rows may be remembered. Said
   * by a new leader, whose predecessors can commit nothing any more; SQLite has no other opener.
   */
  writesAlone(): void;
  /** Resolves when the database answers; throws what keeps it from answering. */
  check(): Promise<void>;
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
  readonly notices: NoticeTable;
  readonly submissions: SubmissionTable;
  readonly jobLinks: JobLinkTable;
  readonly runLogs: RunLogTable;
  readonly logIndex: LogIndexTable;
  readonly leader: LeaderTable;
  readonly logFiles: LogFileTable;
  readonly policySets: PolicySetTable;
  readonly dataUses: DataUseTable;
  readonly pilots: PilotTable;
  readonly quotas: QuotaTable;
  readonly audits: AuditTable;
}

export interface JobTable {
  insert(jobs: readonly JobRecord[]): Promise<void>;
  get(id: string): Promise<JobRecord | undefined>;
  /** These will be asked for one by one: they are read together. */
  expect(ids: readonly string[]): Promise<void>;
  /** Replaces the row of the same id: its spec too, for a job may have left open what others make. */
  update(job: JobRecord): Promise<void>;
  /** The newest job of an owner with this name. */
  newest(owner: string, name: string): Promise<JobRecord | undefined>;
  /** Queued jobs above this position that wait for no other, first admitted first. */
  queued(limit: number, afterPosition: number): Promise<readonly JobRecord[]>;
  /** Jobs that have not ended and had to by then, first due first; none that was told to end. */
  due(limit: number, atMs: number): Promise<readonly JobRecord[]>;
  /** Members of a gang, in order of rank. */
  ofGang(gangId: string): Promise<readonly JobRecord[]>;
  /** Whether any job that has not ended has a deadline. */
  hasDeadlines(): Promise<boolean>;
  /** Newest first, only those with a lower position. */
  list(limit: number, beforePosition: number): Promise<readonly JobRecord[]>;
  countQueued(): Promise<number>;
  /** Highest position given so far, 0 for none. */
  lastPosition(): Promise<number>;
}

export interface RunTable {
  insert(run: RunRecord): Promise<void>;
  get(id: string): Promise<RunRecord | undefined>;
  update(
    id: string,
    change: { stage: RunStage; instanceId?: string; endedAtMs?: number },
  ): Promise<void>;
  /** Runs granted at this time or later, oldest first, from behind `after` on. */
  grantedSince(atMs: number, limit: number, after?: RunRecord): Promise<readonly RunRecord[]>;
  /** Runs in these stages, oldest first. */
  inStages(stages: readonly RunStage[]): Promise<readonly RunRecord[]>;
}

export interface HostTable {
  put(host: HostRecord): Promise<void>;
  get(name: string): Promise<HostRecord | undefined>;
  all(): Promise<readonly HostRecord[]>;
  delete(name: string): Promise<void>;
}

export interface PilotTable {
  /** Fails while another pilot of this host's name lives. */
  insert(pilot: PilotRecord): Promise<void>;
  /** Replaces the row of the same id. */
  update(pilot: PilotRecord): Promise<void>;
  get(id: string): Promise<PilotRecord | undefined>;
  /** Those that have not ended; oldest first. */
  living(): Promise<readonly PilotRecord[]>;
  livingOn(host: string): Promise<PilotRecord | undefined>;
  /** Those that ended at this time or later; oldest first. */
  endedSince(atMs: number): Promise<readonly PilotRecord[]>;
}

export interface DataSetTable {
  insert(dataSet: DataSetRecord): Promise<void>;
  get(name: string): Promise<DataSetRecord | undefined>;
  all(): Promise<readonly DataSetRecord[]>;
}

export interface DecisionTable {
  insert(decision: DecisionRecord): Promise<void>;
  get(id: string): Promise<DecisionRecord | undefined>;
  /** Those that are there, in no order. */
  getAll(ids: readonly string[]): Promise<readonly DecisionRecord[]>;
  delete(id: string): Promise<void>;
}

/** What records name by a digest. */
export interface PaperTable {
  /** A paper that is there stays as it is. */
  put(papers: readonly Paper[]): Promise<void>;
  get(digest: Digest): Promise<Uint8Array | undefined>;
}

export interface ReceiptTable {
  /** CONFLICT when there is one of that run already. */
  insert(receipt: ReceiptRecord): Promise<void>;
  get(runId: string): Promise<ReceiptRecord | undefined>;
  setLogged(runId: string, logIndex: number): Promise<void>;
  /** Its envelope goes, and its disclosure; that there was one stays. */
  erase(runId: string): Promise<void>;
  ofJob(jobId: string): Promise<readonly ReceiptRecord[]>;
  inStage(stage: ReceiptStage): Promise<readonly ReceiptRecord[]>;
  /** Keys by which receipts were accepted that are not in the log yet. */
  owedKeys(): Promise<readonly Uint8Array[]>;
  /** Receipts in the log from this entry on, in its order, that came in at this time or later. */
  logged(
    firstIndex: number,
    receivedAtMs: number,
    limit: number,
  ): Promise<readonly LoggedReceipt[]>;
}

/** A receipt that is in the log, with the key that signed it. */
export interface LoggedReceipt extends Pick<ReceiptRecord, "runId" | "envelope"> {
  /** Who its job belongs to here: an audit's to the coordinator, whatever the job itself says. */
  readonly owner: string;
  /** Where the run was looked into. */
  readonly finding?: Finding;
  readonly logIndex: number;
  readonly receiptKey: Uint8Array;
}

export interface SubmissionTable {
  insert(submission: SubmissionRecord): Promise<void>;
  get(key: string): Promise<SubmissionRecord | undefined>;
}

/** Which jobs come after which. */
export interface JobLinkTable {
  insert(links: readonly JobLinkRecord[]): Promise<void>;
  /** Jobs that come after this one, each once. */
  followers(afterId: string): Promise<readonly string[]>;
  /** What this job comes after. */
  needs(jobId: string): Promise<readonly JobLinkRecord[]>;
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
  /** The lowest index that is not here. Looks only from the newest mark on. */
  firstGap(): Promise<number>;
  /** Every entry below this one is here, and was committed before. */
  mark(completeTo: number): Promise<void>;
}

/** Every policy set that was in force, in order; a set that comes back stands twice. */
export interface PolicySetTable {
  append(set: PolicySetRecord): Promise<void>;
  /** The set in force. */
  newest(): Promise<PolicySetRecord | undefined>;
  get(digest: Digest): Promise<PolicySetRecord | undefined>;
}

/** How much of the fleet each owner may use. */
export interface QuotaTable {
  /** In place of the owner's former one. */
  put(quota: Quota): Promise<void>;
  delete(owner: string): Promise<void>;
  all(): Promise<readonly Quota[]>;
}

/** What the coordinator has signed itself. */
export interface NoticeTable {
  insert(notice: NoticeRecord): Promise<void>;
  get(id: string): Promise<NoticeRecord | undefined>;
  /** That are not in the log yet, oldest first. */
  staged(limit: number): Promise<readonly NoticeRecord[]>;
  /** From this entry of the log on, in its order. */
  logged(firstIndex: number, limit: number): Promise<readonly NoticeRecord[]>;
  setLogged(id: string, logIndex: number): Promise<void>;
}

/** Runs that are run again elsewhere, what hosts answered, and what became of their names. */
export interface AuditTable {
  /** Fails while there is one of that run. */
  insert(audit: AuditRecord): Promise<void>;
  /** Replaces the row of the same id. */
  update(audit: AuditRecord): Promise<void>;
  get(id: string): Promise<AuditRecord | undefined>;
  ofRun(runId: string): Promise<AuditRecord | undefined>;
  /** Those that have not ended; oldest first. */
  open(): Promise<readonly AuditRecord[]>;
  /** Newest first, from behind `before` on. */
  list(limit: number, before?: AuditRecord): Promise<readonly AuditRecord[]>;
  /** In place of what that run was known to answer. */
  putAnswer(answer: AuditAnswerRecord): Promise<void>;
  /** Of all of these audits, in the order in which they came. */
  answers(...auditIds: readonly string[]): Promise<readonly AuditAnswerRecord[]>;
  putReputation(reputation: ReputationRecord): Promise<void>;
  reputations(): Promise<readonly ReputationRecord[]>;
}

/** Uses of data sets whose terms ask for a count. */
export interface DataUseTable {
  /** Keeps the first of an id. */
  insert(use: DataUseRecord): Promise<void>;
  delete(id: string): Promise<void>;
  /** Runs of this owner on the data set. */
  count(dataSet: string, owner: string): Promise<number>;
  /** People of the other data sets of this origin and class that were outside it in that year. */
  personsAbroad(
    of: Pick<DataUseRecord, "origin" | "dataClass" | "year"> & { readonly except: string },
  ): Promise<number>;
}

/** The one row that says who leads; see `leader-lease.ts`. To be used in transactions only. */
export interface LeaderTable {
  /** Who leads now: whoever asks, unless another's lease runs. */
  take(claim: LeaderClaim): Promise<Leadership>;
  /** Throws FENCED when another has taken over. */
  renew(epoch: number, leaseMs: number): Promise<void>;
  /** Lets the next one in at once. Without effect when another has taken over. */
  resign(epoch: number): Promise<void>;
  /**
   * Locks the row until the transaction ends, so that nobody takes over before; throws FENCED when
   * somebody has.
   */
  hold(epoch: number): Promise<void>;
}

/** What `LogDatabase` makes a log of. */
export interface LogFileTable {
  head(): Promise<string | undefined>;
  putHead(note: string): Promise<void>;
  stage(name: StageName, content: Uint8Array): Promise<void>;
  staged(name: StageName): Promise<Uint8Array | undefined>;
  dropStages(sizeMax: number): Promise<void>;
  /** Keeps what is there; false when something is. */
  insertFile(path: string, content: Uint8Array): Promise<boolean>;
  replaceFile(path: string, content: Uint8Array): Promise<void>;
  file(path: string): Promise<Uint8Array | undefined>;
  /** Removes the unfinished forms of this file. */
  dropPartials(path: string): Promise<void>;
}

/**
 * `store` as the leader of an epoch sees it: none of its transactions goes through once another has
 * taken over. They fail with FENCED.
 */
export function ledStore(store: CoordinatorStore, epoch: number): CoordinatorStore {
  // Works that share a commit share its lock; one that could be undone alone has tables of its own.
  const locked = new WeakSet<StoreTables>();
  return {
    ...store,
    transact: (work) =>
      store.transact(async (tables) => {
        if (!locked.has(tables)) await tables.leader.hold(epoch);
        locked.add(tables);
        return await work(tables);
      }),
  };
}
