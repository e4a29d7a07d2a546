import type { MessageInitShape } from "@bufbuild/protobuf";
import { QuipuError } from "../../base/errors.js";
import type { JobService, PlanSchema, SeatSchema } from "../../gen/quipu/v1/jobs_pb.js";
import { JobState } from "../../gen/quipu/v1/types_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Bounds, Decision, Reason } from "../../model/decision.js";
import { membersOf } from "../../model/gang.js";
import { devicesOf } from "../../model/host.js";
import { type JobSpec, jobDigest } from "../../model/job.js";
import type { Judgement } from "../../scheduler/placement/decide.js";
import { isBusy } from "../../scheduler/placement/filters.js";
import { compare } from "../../scheduler/placement/fleet.js";
import type { Victim } from "../../scheduler/placement/preempt.js";
import type { Shares } from "../../scheduler/queue/shares.js";
import type { Core } from "../core.js";
import { inputBounds, quotaBounds } from "../dispatch/bounds.js";
import { preemptionOf } from "../dispatch/preempt.js";
import { findSeats, giveBack } from "../gang/gang-seats.js";
import { type AdmittedSpec, checkSpecs } from "../job/admission.js";
import { madeNow } from "../job/graph.js";
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
    const names = admitted.map(({ spec }) => spec.name);
    const plan = async ({ spec }: AdmittedSpec) => {
      return await planOf(core, await madeNow(core.ports.store, spec, names), all);
    };
    return { plans: await Promise.all(admitted.map(plan)) };
  };
}

type Made = Awaited<ReturnType<typeof madeNow>>;

async function planOf(core: Core, { spec, makers }: Made, all: boolean) {
  const shares = core.queue.shares();
  const inputs = await inputBounds(core, spec, makers);
  if (spec.gang !== undefined) return await planOfGang(core, spec, inputs, shares);
  const bounds = { ...quotaBounds(shares, spec), ...inputs };
  const { decision } = await core.fleet.decide({ spec, digest: jobDigest(spec) }, bounds);
  const { outcome, reasons } = decision;
  const waits = outcome.kind === "queued" && reasons.some(({ rule }) => isBusy(rule));
  const victims = waits ? await preemptionOf(core, spec, bounds, shares) : [];
  const refused = all ? await refusedHosts(core, spec, bounds) : [];
  return planMessage(decision, victims ?? [], refused);
}

/** Members are decided as they would be in their turn; what they take is given back at once. */
async function planOfGang(core: Core, whole: JobSpec, bounds: Bounds, shares: Shares) {
  const [head, ...others] = membersOf(whole).map((member) => {
    const spec = member as JobSpec; // whole as they are
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

async function refusedHosts(core: Core, spec: JobSpec, bounds: Bounds): Promise<readonly Reason[]> {
  const rows: Reason[] = [];
  (await core.fleet.ask(spec, bounds)).each((names, finding) => {
    if (!("fault" in finding)) return;
    for (const name of names) rows.push({ ...finding.fault, hosts: 1, named: [name] });
  });
  return rows.sort((a, b) => compare(a.named[0] ?? "", b.named[0] ?? "")).slice(0, refusedMax);
}

function planMessage(
  { outcome, offers, reasons }: Decision,
  victims: readonly Victim[],
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
