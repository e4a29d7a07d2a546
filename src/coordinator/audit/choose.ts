/**
 * Which runs are run again. It is decided when the receipt is here, so that no host knows of any run
 * beforehand whether it will be looked into; a job that runs again is one like any other to its host.
 */
import { newId } from "../../base/ids.js";
import { randomInteger } from "../../base/random.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type {
  AuditAnswerRecord,
  AuditRecord,
  JobRecord,
  RunRecord,
} from "../../io/store/records.js";
import type { AuditReason } from "../../model/audit.js";
import { reasonToAudit } from "../../proof/audit/sampling.js";
import { receiptKeyId } from "../../proof/receipt/envelope.js";
import type { Core } from "../core.js";
import { makersOf } from "../dispatch/bounds.js";
import { useOf } from "../dispatch/data-uses.js";
import { specOf } from "../job/specs.js";
import { againJob, canAnswer, insertAgain } from "./again.js";
import { answerOf } from "./answer.js";
import { questionOf } from "./question.js";

/** A lot is one of so many. */
const drawsOf = 1_000_000;

/** What is written with the end of the run. */
export interface AuditPlan {
  readonly audit: AuditRecord;
  readonly answer: AuditAnswerRecord;
  readonly again: JobRecord;
  /** Of the run's own outputs, by name. */
  readonly takes: string | undefined;
  /** It was there before, and nobody had answered. */
  readonly isKnown: boolean;
}

/** `ended`: the run's job as its receipt leaves it. Undefined where the run is not looked into. */
export async function chooseAudit(
  core: Core,
  run: RunRecord,
  ended: JobRecord,
): Promise<AuditPlan | undefined> {
  if (ended.auditId !== undefined || core.hosts.size < 2) return undefined;
  if (ended.state !== "succeeded" || core.audits.isFull) return undefined;
  const rightInRow = core.audits.rightInRow(run.host, receiptKeyId(run.receiptKey));
  const draw = randomInteger(core.ports.random, drawsOf) / drawsOf;
  const reason = reasonToAudit(core.options.audits, rightInRow, draw);
  return reason && (await planAudit(core, run, ended, reason));
}

/**
 * Undefined where no other host that is attached may or can run it, or running it again would use up what
 * is counted. A member of a gang runs with the others, and alone it is not the same run.
 * `before`: an audit of the run that nobody has answered, and that is opened again.
 */
export async function planAudit(
  core: Core,
  run: RunRecord,
  job: JobRecord,
  reason: AuditReason,
  before?: AuditRecord,
): Promise<AuditPlan | undefined> {
  const question = job.gangId === undefined ? questionOf(core, job) : undefined;
  if (question === undefined) return undefined;
  const makers = [...(await makersOf(core, job)), ...(question.takes === undefined ? [] : [job])];
  if (await isCounted(core, run, [job, ...makers])) return undefined;
  const atMs = core.ports.clock.wallMs();
  const { id = newId("aud", core.ports.random), openedAtMs = atMs } = before ?? {};
  const again = againJob(core, question, id, atMs);
  const silent = before === undefined ? [] : await core.ports.store.audits.answers(id);
  const answered = [run.host, ...silent.map(({ host }) => host)];
  const asking = { makers, answered: [...new Set(answered)], isPatient: false };
  if (!(await canAnswer(core, again, asking))) return undefined;
  const of = { runId: run.id, jobId: job.id, reason };
  const audit = { id, ...of, state: "open", againJobId: again.id, openedAtMs } as const;
  const answer = answerOf(question.claim, run, id, openedAtMs);
  return { audit, answer, again, takes: question.takes, isKnown: before !== undefined };
}

/** Whether to run on their data, or to bring what they made of it, takes of what its terms count. */
async function isCounted(
  { ports: { store } }: Core,
  run: RunRecord,
  jobs: readonly JobRecord[],
): Promise<boolean> {
  for (const job of jobs) {
    const { dataSet: name } = specOf(job);
    const known = name === undefined ? undefined : await store.dataSets.get(name);
    if (useOf(run, known?.facts, job.owner) !== undefined) return true;
  }
  return false;
}

/** With the transaction that ends the run; the job is to be queued after the commit. */
export async function openAudit(
  tables: StoreTables,
  { audit, answer, again, takes, isKnown }: AuditPlan,
): Promise<JobRecord> {
  await (isKnown ? tables.audits.update(audit) : tables.audits.insert(audit));
  await tables.audits.putAnswer(answer);
  return await insertAgain(tables, again, { from: audit.jobId, takes });
}
