/**
 * What becomes of an audit when a job of it has ended. In durable steps, each with what a crash after it
 * means:
 *  1. the job has ended, by the transaction that ends any job. The next start finds the audit open, and
 *     goes on at 2.
 *  2. the answer, what it says of all answers, the reputation of their hosts, the cordon of whoever was
 *     wrong, the act that tells of it, and the job for the next host, in one transaction.
 *  3. memory is told: what a next start reads anyway.
 */
import type { Digest } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type {
  AuditAnswerRecord,
  AuditRecord,
  Cordon,
  JobRecord,
  ReputationRecord,
} from "../../io/store/records.js";
import { type AuditState, isAuditOver, noAnswer } from "../../model/audit.js";
import { isTerminal } from "../../model/job.js";
import { judge } from "../../proof/audit/judgement.js";
import { type Core, note, trouble } from "../core.js";
import { makersOf } from "../dispatch/bounds.js";
import { markCordon, showCordon } from "../host/cordon.js";
import { isKey } from "../log/host-keys.js";
import { againJob, canAnswer, insertAgain, queueAgain } from "./again.js";
import { answerOf, outcomeOf } from "./answer.js";
import { reputationAfter } from "./reputation.js";

/** Where so many hosts differ, one more would settle nothing. */
const answersMax = 5;
/** Nor where so many have failed at it. */
const silentMax = 2;

interface Settlement {
  readonly audit: AuditRecord;
  /** The job that ran it again last. */
  readonly ended: JobRecord;
  readonly answers: readonly AuditAnswerRecord[];
  readonly reputations: readonly ReputationRecord[];
  /** Hosts that were wrong, and are still who they were. */
  readonly losers: readonly string[];
  readonly cordon: Cordon;
  readonly again?: JobRecord;
}

/** Nothing is left to do while its job goes on: it is looked at again when that ends. Doing it twice is once. */
export async function settleAudit(core: Core, auditId: string): Promise<true> {
  const { store } = core.ports;
  const audit = await store.audits.get(auditId);
  const job = audit && (await store.jobs.get(audit.againJobId));
  if (audit === undefined || isAuditOver(audit.state)) return true;
  if (job === undefined || !isTerminal(job.state)) return true;
  const outcome = await settlementOf(core, audit, job);
  const again = await store.transact((tables) => keep(core, tables, outcome));
  show(core, outcome, again);
  return true;
}

async function settlementOf(core: Core, before: AuditRecord, job: JobRecord): Promise<Settlement> {
  const { clock, store } = core.ports;
  const known = await store.audits.answers(before.id);
  const newestMs = known.at(-1)?.atMs ?? 0;
  const atMs = Math.max(clock.wallMs(), newestMs + 1); // clocks go back, and answers come in order
  const run = isStopped(job) ? undefined : await store.runs.get(job.runId);
  const answer = run && answerOf(outcomeOf(job) ?? noAnswer, run, before.id, atMs);
  const all = answer === undefined ? known : [...known, answer];
  const again = answer === undefined ? undefined : await nextJob(core, job, all, atMs);
  const { state, findings } = judge(all, again === undefined);
  const answers = all.map((one, at) => ({ ...one, finding: findings[at] ?? "open" }));
  const audit = isAuditOver(state)
    ? { ...before, state, closedAtMs: atMs }
    : { ...before, state, againJobId: again?.id ?? before.againJobId };
  const told = answers.filter(({ finding }) => finding === "right" || finding === "wrong");
  const reason = `audit ${before.id}: its answer for run ${before.runId} is not what others got`;
  return {
    audit,
    ended: job,
    answers,
    reputations: told.map((one) => reputationAfter(core.audits.of(one.host), one)),
    losers: told.filter((one) => one.finding === "wrong" && isStill(core, one)).map(hostOf),
    cordon: { reason, atMs, drainAtMs: atMs },
    ...(again === undefined ? {} : { again }),
  };
}

/** No host has said how it ended. One that hosts died of is given to no more of them. */
function isStopped({ state }: JobRecord): boolean {
  return state !== "succeeded" && state !== "failed";
}

/** The same for one more host, where two must agree yet and there is one. */
async function nextJob(
  core: Core,
  job: JobRecord,
  answers: readonly AuditAnswerRecord[],
  atMs: number,
): Promise<JobRecord | undefined> {
  const silent = answers.filter(({ answer }) => answer === noAnswer);
  if (isAuditOver(judge(answers, false).state)) return undefined;
  if (answers.length >= answersMax || silent.length >= silentMax) return undefined;
  const asking = { makers: await makersOf(core, job), answered: answers.map(hostOf) };
  if (!(await canAnswer(core, job, { ...asking, isPatient: true }))) return undefined;
  return againJob(core, job, job.auditId ?? "", atMs);
}

async function keep(
  core: Core,
  tables: StoreTables,
  { audit, ended, answers, reputations, losers, cordon, again }: Settlement,
): Promise<JobRecord | undefined> {
  await tables.audits.update(audit);
  for (const answer of answers) await tables.audits.putAnswer(answer);
  for (const reputation of reputations) await tables.audits.putReputation(reputation);
  for (const host of losers) await markCordon(core, tables, host, cordon);
  const { state, runId } = audit;
  if (state !== "open") {
    const details = detailsOf(audit, answers);
    const digest = digestOfRight(answers);
    const about = `run ${runId}` as const;
    await core.notices.did(tables, { kind: `audit.${state}`, about, details, ...digest });
  }
  return again && (await insertAgain(tables, again, { from: ended.id }));
}

function show(core: Core, outcome: Settlement, again: JobRecord | undefined): void {
  const { audit, ended, reputations, losers, cordon } = outcome;
  const isUnknown = ended.failure?.code === "MODEL_UNSUPPORTED" && audit.state === "unanswered";
  if (isUnknown) core.audits.learnNoProduct(ended);
  if (isAuditOver(audit.state)) core.audits.closed(audit.id, audit.state);
  for (const reputation of reputations) core.audits.remember(reputation);
  for (const host of losers) showCordon(core, host, cordon);
  if (again !== undefined) queueAgain(core, again);
  const text = textOf(outcome);
  note(core, audit.jobId, text);
  core.changes.changed(audit.jobId);
  if (!isDispute(audit.state)) return;
  const error = new QuipuError("VERIFICATION_FAILED", text, {
    next: `see \`quipu audit show ${audit.id}\``,
  });
  trouble(core, `audit of run ${audit.runId}`, error);
}

function isDispute(state: AuditState): boolean {
  return state === "disputed" || state === "decided" || state === "undecided";
}

function textOf({ audit, answers, losers }: Settlement): string {
  const hosts = answers.map(({ host, finding }) => `${host} ${finding}`).join(", ");
  const cordoned = losers.length === 0 ? "" : `; cordoned: ${losers.join(", ")}`;
  return `audit ${audit.id} is ${audit.state}: ${hosts}${cordoned}`;
}

function detailsOf(
  { id, runId, jobId, reason }: AuditRecord,
  answers: readonly AuditAnswerRecord[],
): Record<string, string> {
  const told = answers.map(({ runId: by, host, keyId, answer, finding }, at) => [
    `answer.${at}`,
    `${host} ${by} ${keyId} ${answer} ${finding}`,
  ]);
  return { audit: id, run: runId, job: jobId, reason, ...Object.fromEntries(told) };
}

/** Of the outputs that two hosts came to, or else of those that are in doubt. */
function digestOfRight(answers: readonly AuditAnswerRecord[]): { readonly digest?: Digest } {
  const answer = (answers.find(({ finding }) => finding === "right") ?? answers[0])?.answer;
  return answer?.startsWith("sha256:") ? { digest: answer as Digest } : {};
}

/** The name of a pilot goes to others after it. A host that comes with another key is the same host. */
function isStill({ hosts }: Core, { host, keyId }: AuditAnswerRecord): boolean {
  const known = hosts.get(host);
  return known !== undefined && (known.offer === undefined || isKey(known.receiptKey, keyId));
}

function hostOf({ host }: AuditAnswerRecord): string {
  return host;
}
