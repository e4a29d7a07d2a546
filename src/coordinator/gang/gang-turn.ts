/** A gang's turn in a round: runs for all of its members, or why it waits. */
import type { JobRecord } from "../../io/store/records.js";
import { explain } from "../../scheduler/placement/explain.js";
import type { Waiting } from "../../scheduler/queue/line.js";
import type { Round } from "../../scheduler/queue/round.js";
import type { Core } from "../core.js";
import { boundsOf } from "../dispatch/bounds.js";
import { isKnown, type Verdict, verdictOf } from "../dispatch/verdict.js";
import type { BookedJudgement } from "../host/fleet.js";
import { specOf } from "../job/specs.js";
import { findSeats, type Member } from "./gang-seats.js";

/** Verdicts for all members or for none; where they are placed, their devices are taken. */
export async function judgeGang(
  core: Core,
  round: Round,
  waiting: Waiting,
): Promise<readonly Verdict[]> {
  const gangId = waiting.id;
  const jobs = await core.ports.store.jobs.ofGang(gangId);
  const [head, ...others] = jobs;
  const isWhole = jobs.every(({ state, waitsFor }) => state === "queued" && waitsFor === undefined);
  if (!isWhole || head === undefined) {
    round.left(waiting);
    core.gangs.look({ gangId });
    return [];
  }
  const memberOf = async (job: JobRecord): Promise<Member> => {
    const bounds = await boundsOf(core, job, round.shares);
    return { spec: specOf(job), digest: job.specDigest, bounds };
  };
  const rest = await Promise.all(others.map(memberOf));
  const first = await memberOf(head);
  const question = await core.fleet.question(first.spec);
  if (core.gangHold.gangId === gangId) core.fleet.hold([]); // what it holds is room for it
  const seats = findSeats(core, round.shares, [first, ...rest], question);
  const { decision } = seats.judgements[0] as BookedJudgement;
  const verdicts = () =>
    jobs.map((job, at) => verdictOf(core, job, seats.judgements[at] as BookedJudgement));
  if (decision.outcome.kind !== "queued") {
    core.gangHold.drop(gangId);
    round.left(waiting);
    return verdicts();
  }
  round.waits(waiting);
  const { rule } = explain(decision);
  if (waiting.rule !== "" && rule !== waiting.rule) round.askAgain(waiting);
  waiting.rule = rule;
  const mayHold = seats.room.length > 0 && core.gangHold.take(gangId, core.ports.clock.bootMs());
  if (mayHold) core.fleet.hold(seats.room);
  waiting.isDecided = await isKnown(core, head, decision);
  return waiting.isDecided ? [] : verdicts().map((verdict) => ({ ...verdict, waiting }));
}
