/**
 * Places queued jobs. A round reads what waits, decides from one snapshot of the fleet, makes the
 * decisions durable, and only then tells hosts. Rounds are woken by whatever may have changed an
 * answer (a job, a host, a device that is free again), run one at a time, and never inside a
 * caller.
 */
import { type Digest, digestOf } from "../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../base/canonical-json.js";
import { QuipuError } from "../base/errors.js";
import { newId } from "../base/ids.js";
import type { StoreTables } from "../io/store/coordinator-store.js";
import type { DataUseRecord, JobRecord, RunRecord } from "../io/store/records.js";
import type { Decision, Paper } from "../model/decision.js";
import type { DeviceLoad } from "../model/host.js";
import { deviceKind } from "../model/host.js";
import { priceBookDigest } from "../model/price-book.js";
import { explain } from "../scheduler/placement/explain.js";
import { busyRule } from "../scheduler/placement/filters.js";
import { fleetPaper } from "../scheduler/placement/fleet.js";
import type { Waiting } from "../scheduler/queue/line.js";
import type { Round } from "../scheduler/queue/round.js";
import { sendAssign } from "./assign.js";
import { boundsOf } from "./bounds.js";
import { type Core, leaseEnd, note, trouble } from "./core.js";
import { reserve, useOf } from "./data-uses.js";
import { spentAtMs } from "./deadlines.js";
import type { BookedJudgement } from "./fleet.js";
import { tellFollowers, writeJob } from "./graph.js";
import { stepJob } from "./job-machine.js";
import { runningJob } from "./job-queue.js";
import { preemptFor } from "./preempt.js";
import { specOf } from "./specs.js";

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

/** A decision that changes something, and the run that it grants, if any. */
interface Verdict extends BookedJudgement {
  readonly job: JobRecord;
  readonly content: Uint8Array;
  readonly run?: RunRecord;
  /** That which goes on waiting, and knows why when this is kept. */
  readonly waiting?: Waiting;
  /** What the run takes of its data, where that is counted. */
  readonly use?: DataUseRecord | undefined;
}

/** True when there is nothing left to look at. */
async function dispatchPage(core: Core, round: Round, faults: unknown[]): Promise<boolean> {
  const verdicts: Verdict[] = [];
  let isOver = false;
  while (verdicts.length < jobsPerPageMax) {
    const waiting = round.next(core.fleet.hasRoom());
    if (waiting === undefined) {
      isOver = true;
      break;
    }
    try {
      const verdict = await judge(core, round, waiting);
      if (verdict !== undefined) verdicts.push(verdict);
    } catch (thrown) {
      // One job that cannot be decided must not hold up those behind it; the first says enough.
      if (faults.length === 0) faults.push(thrown);
      round.waits(waiting);
    }
  }
  if (verdicts.length > 0) await commit(core, verdicts);
  return isOver;
}

async function commit(core: Core, verdicts: readonly Verdict[]): Promise<void> {
  const atMs = core.ports.clock.wallMs();
  try {
    // 1. Decision, run and epoch, and the papers that they name, durably and together. A crash before
    //    this has told nobody anything.
    const { kept, followers } = await core.ports.store.transact((tables) =>
      keep(tables, verdicts, atMs),
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

/** Undefined where nothing has changed for the job. */
async function judge(core: Core, round: Round, waiting: Waiting): Promise<Verdict | undefined> {
  const job = await core.ports.store.jobs.get(waiting.id);
  if (job?.state !== "queued" || job.waitsFor !== undefined) {
    round.left(waiting);
    return undefined;
  }
  const spec = specOf(job);
  const bounds = await boundsOf(core, job, round.shares);
  const judgement = await core.fleet.decide({ spec, digest: job.specDigest }, bounds);
  const { decision, dataSet } = judgement;
  const { outcome, reasons } = decision;
  const content = canonicalBytes(decision);
  if (outcome.kind === "placed") {
    core.fleet.take(outcome.host, outcome);
    round.placed(waiting, deviceKind({ id: outcome.device }));
    core.claims.drop(job.id);
    const run = newRun(core, { job, dataSet, decision, content }, outcome);
    return { ...judgement, job, content, run, use: useOf(run, dataSet, spec.owner) };
  }
  if (outcome.kind === "refused") {
    round.left(waiting);
    return { ...judgement, job, content };
  }
  round.waits(waiting);
  const { rule } = explain(decision);
  if (waiting.rule !== "" && rule !== waiting.rule) round.askAgain(waiting);
  waiting.rule = rule;
  if (reasons.some(({ rule }) => rule === busyRule)) {
    await preemptFor(core, job.id, spec, bounds, round.shares);
  }
  waiting.isDecided = await isKnown(core, job, decision);
  return waiting.isDecided ? undefined : { ...judgement, job, content, waiting };
}

async function keep(
  tables: StoreTables,
  verdicts: readonly Verdict[],
  atMs: number,
): Promise<{ kept: readonly Verdict[]; followers: readonly JobRecord[] }> {
  const kept: Verdict[] = [];
  const followers: JobRecord[] = [];
  const papers = new Map<Digest, Paper>();
  await tables.jobs.expect(verdicts.map(({ job }) => job.id));
  for (const verdict of verdicts) {
    const { decision, content, run, use, dataSet, counts } = verdict;
    const job = await tables.jobs.get(verdict.job.id);
    const next = job === undefined ? undefined : stepOf(job, verdict, atMs);
    if (job === undefined || next === undefined || job.epoch !== verdict.job.epoch) continue;
    const isReserved =
      use === undefined ||
      dataSet === undefined ||
      (await reserve(tables, use, dataSet, counts, Date.parse(decision.at)));
    if (!isReserved) continue;
    // A waiting job keeps only its newest decision; those that granted a run are kept for ever.
    if (job.decisionId !== "") await tables.decisions.delete(job.decisionId);
    await tables.decisions.insert({ id: decision.id, jobId: job.id, content });
    addPapers(papers, verdict);
    if (run !== undefined) await tables.runs.insert(run);
    followers.push(...(await writeJob(tables, next, atMs)));
    kept.push(verdict);
  }
  await tables.papers.put([...papers.values()]);
  return { kept, followers };
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
    return;
  }
  core.fleet.kept(origin);
  note(core, job.id, `placed on ${run.host} as ${run.id}`);
  const asked = { ...runningJob(job), spentAtMs: spentAtMs(specOf(job), run, decision) };
  const cancelReason = core.earlyCancels.get(job.id) ?? asked.cancelReason;
  core.earlyCancels.delete(job.id);
  void sendAssign(core, core.runs.add(run, leaseEnd(core), { ...asked, cancelReason }), content);
}

function newRun(
  core: Core,
  { job, dataSet, decision, content }: Pick<Verdict, "job" | "dataSet" | "decision" | "content">,
  { host, device, slots, memoryBytes }: { readonly host: string } & DeviceLoad,
): RunRecord {
  const { random, clock } = core.ports;
  const known = core.hosts.get(host);
  if (known === undefined) throw new QuipuError("INTERNAL", `placement chose unknown host ${host}`);
  return {
    id: newId("run", random),
    jobId: job.id,
    epoch: job.epoch + 1,
    host,
    device,
    slots,
    memoryBytes,
    stage: "assigned",
    instanceId: "",
    receiptKey: known.receiptKey,
    place: known.place,
    decisionId: decision.id,
    decisionDigest: digestOf(content),
    policyDigest: decision.policyDigest,
    ...(dataSet === undefined
      ? {}
      : {
          dataSet: {
            name: dataSet.name,
            manifestDigest: dataSet.manifestDigest,
            dataClass: dataSet.dataClass,
          },
        }),
    assignedAtMs: clock.wallMs(),
  };
}

/** Whether the job's newest decision says the same: nothing is written for what is no news. */
async function isKnown(core: Core, job: JobRecord, decision: Decision): Promise<boolean> {
  if (job.decisionId === "") return false;
  const kept = await core.ports.store.decisions.get(job.decisionId);
  if (kept === undefined) return false;
  const before = JSON.parse(new TextDecoder().decode(kept.content)) as Decision;
  return canonicalJson(substance(before)) === canonicalJson(substance(decision));
}

function substance({ outcome, reasons, policyDigest }: Decision): object {
  return { outcome, reasons, policyDigest };
}
