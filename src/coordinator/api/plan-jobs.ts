import type { MessageInitShape } from "@bufbuild/protobuf";
import { QuipuError } from "../../base/errors.js";
import type { JobService, PlanSchema, SeatSchema } from "../../gen/quipu/v1/jobs_pb.js";
import { JobState } from "../../gen/quipu/v1/types_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Bounds, Decision, Reason } from "../../model/decision.js";
import { membersOf } from "../../model/gang.js";
import { devicesOf } from "../../model/host.js";
import { type AskedJob, jobDigest } from "../../model/job.js";
import { asIfMade } from "../../model/job-graph.js";
import type { Judgement } from "../../scheduler/placement/decide.js";
import { isBusy } from "../../scheduler/placement/filters.js";
import { compare } from "../../scheduler/placement/fleet.js";
import type { Victim } from "../../scheduler/placement/preempt.js";
import type { Shares } from "../../scheduler/queue/shares.js";
import type { Core } from "../core.js";
import { quotaBounds } from "../dispatch/bounds.js";
import { preemptionOf } from "../dispatch/preempt.js";
import { findSeats, giveBack } from "../gang/gang-seats.js";
import { pullsOf } from "../host/pulls.js";
import { type AdmittedSpec, checkSpecs } from "../job/admission.js";
import { offerMessage, reasonMessages, siteNumber } from "../wire.js";

const outcomes = {
  placed: JobState.PLACED,
  queued: JobState.QUEUED,
  refused: JobState.REFUSED,
} as const;

/** Rows of one plan: a message has to hold them. */
const refusedMax = 4096;

/** The same check, snapshot and decision as a submission gets; nothing is written, and no run leaves. */
export function planJobs(core: Core): Handlers<typeof JobService>["planJobs"] {
  return async ({ specs, all }) => {
    const admitted = await checkSpecs(core, specs);
    core.fleet.refresh();
    return { plans: await Promise.all(admitted.map((job) => planOf(core, job, all))) };
  };
}

async function planOf(core: Core, { spec: asked, digest }: AdmittedSpec, all: boolean) {
  const spec = asIfMade(asked);
  const shares = core.queue.shares();
  if (asked.gang !== undefined) return await planOfGang(core, asked, shares);
  const bounds = { ...quotaBounds(shares, spec), ...(await pullsOf(core, asked)) };
  const { decision } = await core.fleet.decide({ spec, digest }, bounds);
  const { outcome, reasons } = decision;
  const waits = outcome.kind === "queued" && reasons.some(({ rule }) => isBusy(rule));
  const victims = waits ? await preemptionOf(core, spec, bounds, shares) : undefined;
  const refused = all ? await refusedHosts(core, spec, bounds) : [];
  return planMessage(decision, victims, refused);
}

/** Members are decided as they would be in their turn; what they take is given back at once. */
async function planOfGang(core: Core, asked: AskedJob, shares: Shares) {
  const bounds = await pullsOf(core, asked);
  const [head, ...others] = membersOf(asked).map((member) => {
    const spec = asIfMade(member);
    return { spec, digest: jobDigest(spec), bounds };
  });
  if (head === undefined) throw new QuipuError("INTERNAL", "a gang has no members");
  const question = await core.fleet.question(head.spec);
  core.fleet.refresh();
  const { judgements, isSeated, room } = findSeats(core, shares, [head, ...others], question);
  if (isSeated) giveBack(core, shares, head.spec.owner, room);
  const { decision } = judgements[0] as Judgement;
  return planMessage(decision, [], [], isSeated ? judgements.flatMap(seatOf) : []);
}

function seatOf({ decision: { outcome, offers } }: Judgement) {
  if (outcome.kind !== "placed") return [];
  const { host, device } = outcome;
  return [{ host, country: offers[0]?.place.country ?? "", device }];
}

async function refusedHosts(
  core: Core,
  spec: ReturnType<typeof asIfMade>,
  bounds: Bounds,
): Promise<readonly Reason[]> {
  const rows: Reason[] = [];
  (await core.fleet.ask(spec, bounds)).each((names, finding) => {
    if (!("fault" in finding)) return;
    for (const name of names) rows.push({ ...finding.fault, hosts: 1, named: [name] });
  });
  return rows.sort((a, b) => compare(a.named[0] ?? "", b.named[0] ?? "")).slice(0, refusedMax);
}

function planMessage(
  { outcome, offers, reasons }: Decision,
  victims: readonly Victim[] = [],
  refused: readonly Reason[],
  seats: readonly MessageInitShape<typeof SeatSchema>[] = [],
): MessageInitShape<typeof PlanSchema> {
  const best = outcome.kind === "placed" ? offers.find(({ host }) => host === outcome.host) : null;
  return {
    ...(best ? { host: best.host, country: best.place.country } : {}),
    ...(best ? { site: siteNumber(best.place.site) } : {}),
    reasons: reasonMessages(reasons),
    offers: offers.map(offerMessage),
    outcome: outcomes[outcome.kind],
    victims: victims.map((victim) => ({ ...victim, devices: [...devicesOf(victim)] })),
    refused: reasonMessages(refused),
    seats: [...seats],
  };
}
