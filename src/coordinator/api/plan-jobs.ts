import type { MessageInitShape } from "@bufbuild/protobuf";
import type { JobService, PlanSchema } from "../../gen/quipu/v1/jobs_pb.js";
import { JobState } from "../../gen/quipu/v1/types_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { Decision } from "../../model/decision.js";
import { asIfMade } from "../../model/job-graph.js";
import { checkSpecs } from "../admission.js";
import type { Core } from "../core.js";
import { offerMessage, reasonMessages, siteNumber } from "../wire.js";

const outcomes = {
  placed: JobState.PLACED,
  queued: JobState.QUEUED,
  refused: JobState.REFUSED,
} as const;

/** The same check, snapshot and decision as a submission gets; nothing is written. */
export function planJobs(core: Core): Handlers<typeof JobService>["planJobs"] {
  return async ({ specs }) => {
    const admitted = await checkSpecs(core, specs);
    core.fleet.refresh();
    const judgements = await Promise.all(
      admitted.map(({ spec, digest }) => core.fleet.decide({ spec: asIfMade(spec), digest })),
    );
    return { plans: judgements.map(({ decision }) => planMessage(decision)) };
  };
}

function planMessage({ outcome, offers, reasons }: Decision): MessageInitShape<typeof PlanSchema> {
  const best = outcome.kind === "placed" ? offers.find(({ host }) => host === outcome.host) : null;
  return {
    ...(best ? { host: best.host, country: best.place.country } : {}),
    ...(best ? { site: siteNumber(best.place.site) } : {}),
    reasons: reasonMessages(reasons),
    offers: offers.map(offerMessage),
    outcome: outcomes[outcome.kind],
  };
}
