/**
 * What agents report about runs. A terminal update is accepted once, for the run that its job waits
 * for; whatever is doubled, late or fenced gets the same answer again or is kept as evidence.
 *
 * The end of a run in durable steps, each with what a crash after it means:
 *  1. receipt staged, run `sealed` and job in its final state, in one transaction: neither a lease
 *     that ends nor a cancel changes it from here on. The next start goes on at 2.
 *  2. entry in the log. The next start finds it there by its leaf hash.
 *  3. receipt `logged` and run `ended`, in one transaction, and the job told where its receipt is.
 *  4. acknowledged. The agent asks again until it hears this.
 */
import { create } from "@bufbuild/protobuf";
import type { ErrorJson } from "../../base/errors.js";
import { isErrorCode, QuipuError } from "../../base/errors.js";
import {
  type RunAck,
  RunAckSchema,
  RunState,
  type RunUpdate,
} from "../../gen/quipu/v1/attach_pb.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { JobRecord, ReceiptRecord, RunRecord } from "../../io/store/records.js";
import type { Statement } from "../../model/statement.js";
import { checkDisclosure, type OpenReceipt } from "../../proof/receipt/disclosure.js";
import { checkEnvelope, entryBytes, parseEnvelope } from "../../proof/receipt/envelope.js";
import { parseStatement } from "../../proof/receipt/statement.js";
import { queueAgain } from "../audit/again.js";
import { type AuditPlan, chooseAudit, openAudit } from "../audit/choose.js";
import { type Core, note, trouble } from "../core.js";
import { restartText } from "../gang/gangs.js";
import { isRevoked } from "../log/host-keys.js";
import { isPastKeeping } from "../log/retention.js";
import type { ActiveRun } from "./active-runs.js";
import { tellChange, writeJob } from "./graph.js";
import { type JobEvent, stepJob } from "./job-machine.js";
import { checkFacts, resultOf } from "./receipt-facts.js";
import { retryAfter } from "./retry.js";
import { isCurrent, loseRun, preempted } from "./run-end.js";

/** Answers a terminal update of this host; throws when it cannot be answered now. */
export async function ingest(core: Core, host: string, update: RunUpdate): Promise<RunAck> {
  const { store } = core.ports;
  const active = core.runs.granted(host, { runId: update.runId, epoch: Number(update.epoch) });
  const run = active?.run ?? (await store.runs.get(update.runId));
  if (run === undefined || run.host !== host || BigInt(run.epoch) !== update.epoch) {
    return refusal(update, "NOT_FOUND", "this host was never granted that run");
  }
  if (update.state === RunState.LOST) return await ingestLost(core, run, update);
  // A run that is still granted has no receipt.
  const known = active === undefined ? await store.receipts.get(run.id) : undefined;
  if (known !== undefined) return await answerKnown(core, known, update);
  const job = await store.jobs.get(run.jobId);
  if (job === undefined) throw new QuipuError("INTERNAL", `run ${run.id} has no job in the store`);
  let opened: OpenReceipt;
  try {
    opened = open(update.envelope);
    checkEnvelope(opened.envelope, run.receiptKey);
    checkFacts(opened.statement, run, job, update.state);
    const { disclosure } = update; // agents of versions before make none
    if (disclosure !== undefined)
      checkDisclosure(disclosure, opened, run.receiptKey, core.ports.hashMany);
  } catch (thrown) {
    return await refuseEnvelope(core, run, update, QuipuError.from(thrown));
  }
  await giveUpLeaver(core, host, update);
  await giveUpPartner(core, run);
  await giveUpFaulty(core, run, job, opened.statement);
  return await accept(core, run, job, update, opened);
}

function open(bytes: Uint8Array): OpenReceipt {
  const envelope = parseEnvelope(bytes);
  return { envelope, statement: parseStatement(envelope.payload) };
}

/** A run that failed through its host's fault is no end of its job while that has attempts left. */
async function giveUpFaulty(
  core: Core,
  run: RunRecord,
  job: JobRecord,
  { predicate }: Statement,
): Promise<void> {
  const { outcome, failure } = predicate.run;
  if (outcome !== "failed" || failure === undefined || !isErrorCode(failure.code)) return;
  const { code, message } = failure;
  if (retryAfter(code) !== "elsewhere" || job.epoch >= job.attemptsMax) return;
  const active = core.runs.granted(run.host, { runId: run.id, epoch: run.epoch });
  if (active === undefined || active.cancelReason !== undefined) return;
  await loseRun(core, active, new QuipuError(code, message).toJSON());
}

/**
 * A run that stopped because it had to leave its host is no end of its job. What had finished before
 * it heard that it must, counts. Who has to leave is in memory only: what was told by a process before
 * this one, and was no cancel, was that.
 */
async function giveUpLeaver(core: Core, host: string, update: RunUpdate): Promise<void> {
  const { runId, epoch, state } = update;
  const active = core.runs.granted(host, { runId, epoch: Number(epoch) });
  if (active === undefined || active.cancelReason !== undefined) return;
  if (state !== RunState.CANCELLED) return;
  const before = active.isInherited
    ? `host ${host} was told before a restart to stop it`
    : undefined;
  const why = active.leaves ?? before;
  if (why !== undefined) await loseRun(core, active, preempted(why));
}

/**
 * A member of a gang that is to be placed anew has to run again too, however it ended: what it did
 * without the others is no end of its job.
 */
async function giveUpPartner(core: Core, run: RunRecord): Promise<void> {
  const active = core.runs.granted(run.host, { runId: run.id, epoch: run.epoch });
  if (active?.job.gangId === undefined || active.cancelReason !== undefined) return;
  const members = await core.ports.store.jobs.ofGang(active.job.gangId);
  const waiting = members.find(({ state }) => state === "queued");
  if (waiting !== undefined) await loseRun(core, active, preempted(restartText(waiting)));
}

async function accept(
  core: Core,
  run: RunRecord,
  job: JobRecord,
  update: RunUpdate,
  opened: OpenReceipt,
): Promise<RunAck> {
  if (core.runs.get(run.id)?.ending) {
    // Should that fail, the run counts still, and so would this: asked again, it finds out.
    throw new QuipuError("UNAVAILABLE", `the end of run ${run.id} is being written`);
  }
  const { disclosure } = update;
  const receipt = {
    runId: run.id,
    jobId: run.jobId,
    epoch: run.epoch,
    envelope: update.envelope,
    ...(disclosure && { disclosure: { envelope: disclosure.envelope, seed: disclosure.seed } }),
    receivedAtMs: core.ports.clock.wallMs(),
  };
  const event = { kind: "settle", ...resultOf(opened.statement) } as const;
  const settled = stepJob(job, event, receipt.receivedAtMs);
  const plan = settled && (await chooseAudit(core, run, settled));
  const { kept, ended } = await core.ports.store.transact((tables) =>
    stage(core, tables, receipt, event, plan),
  );
  if (kept.stage === "staged") core.runs.delete(run.id);
  if (ended !== undefined) {
    const { job, followers } = ended;
    core.earlyCancels.delete(job.id);
    note(core, job.id, job.state);
    core.holders.learn(run, job);
    tellChange(core, job, followers);
    if (ended.again !== undefined) queueAgain(core, ended.again);
  }
  core.wake(); // its device is free; the next job need not wait for the log
  return await answerKnown(core, kept, update, ended === undefined ? undefined : opened);
}

interface Staged {
  readonly kept: ReceiptRecord;
  /** The job that this receipt has ended now, and those that came after it. */
  readonly ended?: {
    readonly job: JobRecord;
    readonly followers: readonly JobRecord[];
    readonly again?: JobRecord | undefined;
  };
}

/** Step 1, or evidence when the run no longer counts. The first receipt of a run stays. */
async function stage(
  core: Core,
  tables: StoreTables,
  receipt: Omit<ReceiptRecord, "stage">,
  event: Extract<JobEvent, { kind: "settle" }>,
  plan?: AuditPlan,
): Promise<Staged> {
  const { runs, jobs, receipts, dataUses } = tables;
  const run = await runs.get(receipt.runId);
  const job = await jobs.get(receipt.jobId);
  const isAwaited = run !== undefined && job !== undefined && isCurrent(run, job);
  const current = isAwaited && !(await isRevoked(core, tables, run.receiptKey));
  const atMs = receipt.receivedAtMs;
  const next = current ? stepJob(job, event, atMs) : undefined;
  if (next === undefined) {
    const before = await receipts.get(receipt.runId);
    const kept = before ?? (await evidenceOf(tables, receipt, run, job));
    if (before === undefined) await receipts.insert(kept);
    return { kept };
  }
  // A current run has no receipt: it is sealed with its first.
  const kept: ReceiptRecord = { ...receipt, stage: "staged" };
  await receipts.insert(kept);
  await runs.update(receipt.runId, { stage: "sealed", endedAtMs: atMs });
  if (event.outcome === "failed") await dataUses.delete(receipt.runId);
  const followers = await writeJob(core, tables, next, atMs, true);
  const again = plan && (await openAudit(tables, plan));
  return { kept, ended: { job: next, followers, again } };
}

/** In no log, so nothing of it is ever shown alone. Where its job's receipts are gone, no more than that it came. */
async function evidenceOf(
  tables: StoreTables,
  { disclosure: _, ...receipt }: Omit<ReceiptRecord, "stage">,
  run: RunRecord | undefined,
  job: JobRecord | undefined,
): Promise<ReceiptRecord> {
  const isPast = run && job && (await isPastKeeping(tables, run, job, receipt.receivedAtMs));
  return { ...receipt, ...(isPast && { envelope: new Uint8Array() }), stage: "evidence" };
}

async function answerKnown(
  core: Core,
  receipt: ReceiptRecord,
  { runId, epoch }: RunUpdate,
  fresh?: OpenReceipt,
): Promise<RunAck> {
  if (receipt.stage === "evidence") {
    return refusal({ runId, epoch }, "FENCED", "another run of the job counts; kept as evidence");
  }
  const logIndex = receipt.logIndex ?? (await finishReceipt(core, receipt, fresh));
  return create(RunAckSchema, { runId, epoch, accepted: true, logIndex: BigInt(logIndex) });
}

/**
 * Steps 2 and 3, for a fresh receipt as for one that a crash left staged. Doing it twice is once.
 */
export function finishReceipt(
  core: Core,
  receipt: ReceiptRecord,
  fresh?: OpenReceipt,
): Promise<number> {
  const running = core.finishing.get(receipt.runId);
  if (running !== undefined) return running;
  core.receiptsOwed.add(receipt.runId); // until it is done: the tick goes on where this one failed
  const finished = finish(core, receipt, fresh).finally(() => core.finishing.delete(receipt.runId));
  core.finishing.set(receipt.runId, finished);
  return finished;
}

/**
 * `fresh`: it was staged a moment ago, so the log has it only where a doubled update of the same run was
 * answered first; what that one wrote is remembered then.
 */
async function finish(core: Core, receipt: ReceiptRecord, fresh?: OpenReceipt): Promise<number> {
  const { store } = core.ports;
  const run = await store.runs.get(receipt.runId);
  if (run === undefined) throw new QuipuError("INTERNAL", `receipt without run ${receipt.runId}`);
  // Its signature was checked before it was staged, and is not checked again.
  const envelope = fresh?.envelope ?? parseEnvelope(receipt.envelope);
  const now = fresh === undefined ? undefined : await store.receipts.get(receipt.runId);
  if (now?.logIndex !== undefined) {
    core.receiptsOwed.delete(run.id);
    return now.logIndex;
  }
  const entry = entryBytes(envelope, run.receiptKey);
  const logIndex = await core.logBook.append(entry, fresh !== undefined);
  await store.transact((tables) => setLogged(tables, run, logIndex));
  core.receiptsOwed.delete(run.id);
  note(core, run.jobId, `its receipt is entry ${logIndex} of the log`);
  core.changes.changed(run.jobId);
  return logIndex;
}

async function setLogged(
  { runs, jobs, receipts }: StoreTables,
  run: RunRecord,
  logIndex: number,
): Promise<void> {
  await receipts.setLogged(run.id, logIndex);
  await runs.update(run.id, { stage: "ended" });
  const job = await jobs.get(run.jobId);
  if (job?.runId !== run.id || job.result === undefined) return;
  await jobs.update({ ...job, result: { ...job.result, logIndex } });
}

async function ingestLost(core: Core, run: RunRecord, update: RunUpdate): Promise<RunAck> {
  const active = core.runs.granted(run.host, { runId: run.id, epoch: run.epoch });
  const lost = active !== undefined && (await loseRun(core, active, lossOf(active, update)));
  if (!lost) return refusal(update, "FENCED", "the run counts no longer");
  const { runId, epoch } = update;
  return create(RunAckSchema, { runId, epoch, accepted: true, logIndex: -1n });
}

/** An agent that says why has been told to end, or has not taken the run: nothing died of it. */
function lossOf({ run, acknowledged }: ActiveRun, { failure }: RunUpdate): ErrorJson {
  const message = failure?.message || `the agent of ${run.host} lost the run before its end`;
  if (failure === undefined) return { code: "WORKER_DIED", kind: "retryable", message };
  // One that was never taken costs an attempt, or a host that takes nothing would be asked for ever.
  if (failure.code === "PREEMPTED" && acknowledged) return preempted(message);
  return { code: "UNAVAILABLE", kind: "retryable", message };
}

async function refuseEnvelope(
  core: Core,
  run: RunRecord,
  update: RunUpdate,
  error: QuipuError,
): Promise<RunAck> {
  trouble(core, `receipt of run ${run.id}`, error);
  const active = core.runs.granted(run.host, { runId: run.id, epoch: run.epoch });
  if (active !== undefined) await loseRun(core, active, error.toJSON());
  return refusal(update, error.code, error.message);
}

function refusal(
  { runId, epoch }: Pick<RunUpdate, "runId" | "epoch">,
  code: QuipuError["code"],
  message: string,
): RunAck {
  const failure = { code, message, next: "drop the run; nothing more is asked of this host" };
  return create(RunAckSchema, { runId, epoch, accepted: false, logIndex: -1n, failure });
}
