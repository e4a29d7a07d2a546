/**
 * Places queued jobs. A round reads what waits, decides from one snapshot of the fleet, makes the
 * decisions durable, and only then tells hosts. Rounds are woken by whatever may have changed an
 * answer (a job, a host, a device that is free again), run one at a time, and never inside a
 * caller.
 */
import type { Digest } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { DataUseRecord, JobRecord } from "../../io/store/records.js";
import type { Paper } from "../../model/decision.js";
import { deviceKind } from "../../model/host.js";
import { priceBookDigest } from "../../model/price-book.js";
import { explain } from "../../scheduler/placement/explain.js";
import { isBusy } from "../../scheduler/placement/filters.js";
import { fleetPaper } from "../../scheduler/placement/fleet.js";
import type { Waiting } from "../../scheduler/queue/line.js";
import type { Round } from "../../scheduler/queue/round.js";
import { decideAgain } from "../audit/again.js";
import { type Core, leaseEnd, note, trouble } from "../core.js";
import { judgeGang } from "../gang/gang-turn.js";
import { cancelJob } from "../job/cancel.js";
import { tellFollowers, writeJob } from "../job/graph.js";
import { stepJob } from "../job/job-machine.js";
import { specOf } from "../job/specs.js";
import { sendAssign } from "./assign.js";
import { boundsOf, lostOutput, makersOf } from "./bounds.js";
import { reserve } from "./data-uses.js";
import { spentAtMs } from "./deadlines.js";
import { runningJob } from "./job-queue.js";
import { preemptFor } from "./preempt.js";
import { isKnown, type Verdict, verdictOf } from "./verdict.js";

/** Jobs that one transaction decides. */
const jobsPerPageMax = 64;

export class Dispatcher {
  readonly #core: () => Core;
  #scheduled = false;
  #running = false;
  #again = false;
  #failed = false;

  constructor(core: () => Core) {
    this.#core = core;
  }

  wake(): void {
    if (this.#core().receiptsOwed.isFull) return; // wakes again when it is not
    if (this.#running) this.#again = true;
    if (this.#scheduled || this.#running) return;
    this.#scheduled = true;
    this.#core().ports.defer(() => void this.#run());
  }

  /** Wakes if answers are still owed: the last round failed, or did not tell all why they wait. */
  retry(): void {
    if (this.#failed || this.#core().queue.owesWords) this.wake();
  }

  async #run(): Promise<void> {
    this.#scheduled = false;
    this.#running = true;
    this.#again = false;
    const core = this.#core();
    try {
      await dispatchRound(core);
      this.#failed = false;
    } catch (thrown) {
      this.#failed = true;
      trouble(core, "dispatch", thrown);
    }
    this.#running = false;
    if (this.#again) this.wake();
  }
}

async function dispatchRound(core: Core): Promise<void> {
  const faults: unknown[] = [];
  core.fleet.refresh();
  const round = await core.queue.round();
  // What a gang holds is no room for others, so that nobody else may be looked at this time.
  if (core.gangHold.gangId !== undefined) round.putFirst([core.gangHold.gangId]);
  try {
    for (let isOver = false; !isOver; ) {
      round.putFirst(core.claims.takeReady((id) => core.runs.get(id) !== undefined));
      core.fleet.refresh(); // after it, for what was held is free now
      try {
        isOver = await dispatchPage(core, round, faults);
      } finally {
        core.fleet.settle();
        round.shares.settle();
      }
    }
  } finally {
    round.end();
  }
  // Whoever could be decided has been; the round has failed all the same, and is made again.
  if (faults.length > 0) throw faults[0];
}

/** True when there is nothing left to look at. */
async function dispatchPage(core: Core, round: Round, faults: unknown[]): Promise<boolean> {
  const turns: (readonly Verdict[])[] = [];
  let isOver = false;
  for (let jobs = 0; jobs < jobsPerPageMax; ) {
    const waiting = round.next(core.fleet.hasRoom());
    if (waiting === undefined) {
      isOver = true;
      break;
    }
    try {
      const verdicts = await judge(core, round, waiting);
      if (verdicts.length > 0) turns.push(verdicts);
      jobs += verdicts.length;
    } catch (thrown) {
      // One job that cannot be decided must not hold up those behind it; the first says enough.
      if (faults.length === 0) faults.push(thrown);
      round.waits(waiting);
    }
  }
  if (turns.length > 0) await commit(core, turns);
  return isOver;
}

/** A turn holds one job's verdict, or those of a gang: they are kept together or not at all. */
async function commit(core: Core, turns: readonly (readonly Verdict[])[]): Promise<void> {
  const verdicts = turns.flat();
  const atMs = core.ports.clock.wallMs();
  try {
    // 1. Decision, run and epoch, and the papers that they name, durably and together. A crash before
    //    this has told nobody anything.
    const { kept, followers } = await core.ports.store.transact((tables) =>
      keep(core, tables, turns, atMs),
    );
    // 2. Then the hosts. A crash before a send is repaired when the host attaches to the next
    //    process.
    for (const verdict of kept) announce(core, verdict);
    tellFollowers(core, followers);
    if (kept.length === verdicts.length) return;
    // A job that was cancelled meanwhile, or whose data was counted otherwise meanwhile, leaves the
    // device that this round took for it: whoever was decided behind it is decided again, since nothing
    // else would wake it.
    const keptIds = new Set(kept.map(({ job }) => job.id));
    for (const { job } of verdicts) if (!keptIds.has(job.id)) core.queue.add(job);
    core.wake();
  } catch (thrown) {
    for (const { job } of verdicts) core.queue.add(job);
    throw thrown;
  }
}

/** None where nothing has changed for the job; for a gang one for each member. */
async function judge(core: Core, round: Round, waiting: Waiting): Promise<readonly Verdict[]> {
  const job = await core.ports.store.jobs.get(waiting.id);
  if (job?.gangId !== undefined) return await judgeGang(core, round, waiting);
  if (job?.state !== "queued" || job.waitsFor !== undefined) {
    round.left(waiting);
    return [];
  }
  const makers = await makersOf(core, job);
  const lost = await lostOutput(core, makers);
  if (lost !== undefined) {
    round.left(waiting);
    await cancelJob(core, job.id, lost.message, lost.toJSON());
    return [];
  }
  const spec = specOf(job);
  const bounds = await boundsOf(core, job, round.shares, makers);
  const judgement =
    job.auditId === undefined
      ? await core.fleet.decide({ spec, digest: job.specDigest }, bounds)
      : await decideAgain(core, job, bounds);
  const { decision } = judgement;
  const { outcome, reasons } = decision;
  if (outcome.kind === "placed") {
    core.fleet.take(outcome.host, outcome);
    round.placed(waiting, deviceKind({ id: outcome.device }));
    core.claims.drop(job.id);
    return [verdictOf(core, job, judgement)];
  }
  if (outcome.kind === "refused") {
    round.left(waiting);
    return [verdictOf(core, job, judgement)];
  }
  round.waits(waiting);
  const { rule } = explain(decision);
  if (waiting.rule !== "" && rule !== waiting.rule) round.askAgain(waiting);
  waiting.rule = rule;
  if (job.auditId === undefined && reasons.some(({ rule }) => isBusy(rule))) {
    await preemptFor(core, job.id, spec, bounds, round.shares);
  }
  waiting.isDecided = await isKnown(core, job, decision);
  return waiting.isDecided ? [] : [{ ...verdictOf(core, job, judgement), waiting }];
}

async function keep(
  core: Core,
  tables: StoreTables,
  turns: readonly (readonly Verdict[])[],
  atMs: number,
): Promise<{ kept: readonly Verdict[]; followers: readonly JobRecord[] }> {
  const kept: Verdict[] = [];
  const followers: JobRecord[] = [];
  const papers = new Map<Digest, Paper>();
  await tables.jobs.expect(turns.flat().map(({ job }) => job.id));
  for (const verdicts of turns) {
    const nexts = await nextJobs(tables, verdicts, atMs);
    if (nexts === undefined || !(await reserveAll(tables, verdicts))) continue;
    for (const [at, verdict] of verdicts.entries()) {
      const { decision, content, run, job } = verdict;
      // A waiting job keeps only its newest decision; those that granted a run are kept for ever.
      const before = (await tables.jobs.get(job.id))?.decisionId ?? "";
      if (before !== "") await tables.decisions.delete(before);
      await tables.decisions.insert({ id: decision.id, jobId: job.id, content });
      addPapers(papers, verdict);
      if (run !== undefined) await tables.runs.insert(run);
      followers.push(...(await writeJob(core, tables, nexts[at] as JobRecord, atMs)));
      kept.push(verdict);
    }
  }
  await tables.papers.put([...papers.values()]);
  return { kept, followers };
}

/** Undefined where one of them is not any more as it was decided about. */
async function nextJobs(
  tables: StoreTables,
  verdicts: readonly Verdict[],
  atMs: number,
): Promise<readonly JobRecord[] | undefined> {
  const nexts: JobRecord[] = [];
  for (const verdict of verdicts) {
    const job = await tables.jobs.get(verdict.job.id);
    const next = job?.epoch === verdict.job.epoch ? stepOf(job, verdict, atMs) : undefined;
    if (next === undefined) return undefined;
    nexts.push(next);
  }
  return nexts;
}

/** All that they take of their data, or nothing where it has been counted otherwise meanwhile. */
async function reserveAll(tables: StoreTables, verdicts: readonly Verdict[]): Promise<boolean> {
  const reserved: DataUseRecord[] = [];
  for (const { use, dataSet, counts, decision } of verdicts) {
    if (use === undefined || dataSet === undefined) continue;
    if (await reserve(tables, use, dataSet, counts, Date.parse(decision.at))) reserved.push(use);
    else {
      for (const { id } of reserved) await tables.dataUses.delete(id);
      return false;
    }
  }
  return true;
}

/** What the decision names; a fleet only where a run was granted from it. */
function addPapers(papers: Map<Digest, Paper>, { lawPaper, origin, book, run }: Verdict): void {
  papers.set(lawPaper.digest, lawPaper);
  if (book !== undefined) {
    const digest = priceBookDigest(book);
    papers.set(digest, { digest, content: canonicalBytes(book) });
  }
  if (run === undefined || papers.has(origin.digest)) return;
  papers.set(origin.digest, fleetPaper(origin));
}

function stepOf(job: JobRecord, { decision, run }: Verdict, atMs: number): JobRecord | undefined {
  const decisionId = decision.id;
  if (run !== undefined) {
    const { id: runId, host, place } = run;
    return stepJob(job, { kind: "place", runId, host, country: place.country, decisionId }, atMs);
  }
  if (decision.outcome.kind === "refused")
    return stepJob(job, { kind: "refuse", decisionId }, atMs);
  return stepJob(job, { kind: "wait", decisionId, rule: explain(decision).rule }, atMs);
}

function announce(core: Core, { job, decision, content, run, origin, waiting }: Verdict): void {
  if (waiting !== undefined) waiting.isDecided = true;
  core.changes.changed(job.id);
  if (run === undefined) {
    note(core, job.id, decision.outcome.kind);
    if (decision.outcome.kind === "refused") core.audits.look({ ...job, state: "refused" });
    return;
  }
  core.fleet.kept(origin);
  note(core, job.id, `placed on ${run.host} as ${run.id}`);
  const asked = { ...runningJob(job), spentAtMs: spentAtMs(specOf(job), run, decision) };
  const cancelReason = core.earlyCancels.get(job.id) ?? asked.cancelReason;
  core.earlyCancels.delete(job.id);
  void sendAssign(core, core.runs.add(run, leaseEnd(core), { ...asked, cancelReason }), content);
}
