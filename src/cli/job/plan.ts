/** `quipu plan FILE…`: where jobs would run now and why not elsewhere. Starts and stores nothing. */
import { errorCodes } from "../../base/errors.js";
import type { Egress, Fetch, Offer, Plan, Victim } from "../../gen/quipu/v1/jobs_pb.js";
import { exactNumber } from "../../model/egress.js";
import { jobBytes } from "../../model/job.js";
import { digestOfFile } from "../artifact/file-digest.js";
import type { Context, VerbAction } from "../context.js";
import { siteName } from "../host/host-view.js";
import { bytesText, renderTable } from "../table.js";
import { type LoadedJob, loadJobFile } from "./job-file.js";
import { reasonLines, reasonView, stateName, stateText } from "./job-view.js";

export const action: VerbAction = async (context, { args, options }) => {
  const plans = await planFiles(context, args, options.all === true);
  context.output.result({ plans }, () => plans.map((plan) => planText(context, plan)).join("\n\n"));
  const outcomes = plans.map(({ outcome }) => outcome);
  if (outcomes.includes("refused")) return errorCodes.REFUSED_BY_POLICY.exit;
  return outcomes.includes("queued") ? errorCodes.NOT_PLACED.exit : 0;
};

/** Plans the jobs of some files against the fleet as it is now. */
export async function planFiles(context: Context, files: readonly string[], all = false) {
  const { jobs } = await context.coordinator();
  const loaded: LoadedJob[] = [];
  for (const file of files) {
    loaded.push(...(await loadJobFile(file, async (path) => (await digestOfFile(path)).digest)));
  }
  const answer = await jobs.planJobs({ specs: loaded.map(({ spec }) => jobBytes(spec)), all });
  return answer.plans.map((plan, at) => planView(loaded[at]?.spec.name ?? "", plan));
}

function planView(name: string, plan: Plan) {
  return {
    name,
    outcome: stateName(plan.outcome),
    host: plan.host === "" ? null : plan.host,
    country: plan.country === "" ? null : plan.country,
    offers: plan.offers.map(offerView),
    reasons: plan.reasons.map(reasonView),
    victims: plan.victims.map(victimView),
    refused: plan.refused.map(reasonView),
    seats: plan.seats.map(({ host, country, device }) => ({ host, country, device })),
  };
}

function victimView({ runId, jobId, jobName, owner, priority, host, devices, rule }: Victim) {
  return { runId, jobId, jobName, owner, priority, host, device: devices[0] ?? "", devices, rule };
}

export function offerView(offer: Offer) {
  const { host, country, site, device, score, rules, hosts, currency, nanosPerSecond } = offer;
  const fetch = offer.fetch === undefined ? null : fetchView(offer.fetch);
  const devices = offer.devices.length === 0 ? [device] : offer.devices;
  const price = currency === "" ? null : { currency, nanosPerSecond: Number(nanosPerSecond) };
  const egress = offer.egress === undefined ? null : egressView(offer.egress);
  const energy = offer.energyWattSeconds;
  const energyWattSeconds = energy === undefined ? null : Number(energy);
  return {
    host,
    country,
    site: siteName(site),
    device,
    devices,
    score,
    parts: offer.parts,
    rules,
    hosts,
    price,
    egress,
    fetch,
    energyWattSeconds,
  };
}

function egressView({ currency, nanos }: Egress) {
  return { currency, nanos: exactNumber(nanos) };
}

function fetchView({ siteBytes, countryBytes, farBytes }: Fetch) {
  return {
    siteBytes: Number(siteBytes),
    countryBytes: Number(countryBytes),
    farBytes: Number(farBytes),
  };
}

/** An hour's price, which people can compare: "1.26 USD/h". */
function priceText({ price }: ReturnType<typeof offerView>): string {
  if (price === null) return "-";
  return `${((price.nanosPerSecond * 3600) / 1e9).toFixed(2)} ${price.currency}/h`;
}

/** Whole cents, begun ones too, so that what costs something never looks like nothing. */
export function egressText({ egress }: ReturnType<typeof offerView>): string {
  if (egress === null) return "-";
  const cents = (BigInt(egress.nanos) + 9_999_999n) / 10_000_000n;
  return `${cents / 100n}.${`${cents % 100n}`.padStart(2, "0")} ${egress.currency}`;
}

/** What it has need not come from anywhere: "0 B"; else by how far it comes. */
export function fetchText({ fetch }: Pick<ReturnType<typeof offerView>, "fetch">): string {
  if (fetch === null) return "-";
  const { siteBytes, countryBytes, farBytes } = fetch;
  const ways = [
    { bytes: siteBytes, from: "near" },
    { bytes: countryBytes, from: "in the country" },
    { bytes: farBytes, from: "far" },
  ].filter(({ bytes }) => bytes > 0);
  return ways.map(({ bytes, from }) => `${bytesText(bytes)} ${from}`).join(", ") || "0 B";
}

export type PlanView = ReturnType<typeof planView>;

export function planText({ output }: Context, plan: PlanView): string {
  const where = plan.host === null ? "" : ` on ${plan.host} (${plan.country})`;
  const lines = [`${plan.name}: ${stateText(output, plan.outcome)}${where}`];
  if (plan.offers.length > 0) {
    const columns = [
      { title: "HOST", cell: (offer: PlanView["offers"][number]) => offer.host },
      { title: "ALIKE", cell: (offer: PlanView["offers"][number]) => `${offer.hosts}` },
      { title: "COUNTRY", cell: (offer: PlanView["offers"][number]) => offer.country },
      { title: "SITE", cell: (offer: PlanView["offers"][number]) => offer.site },
      { title: "DEVICE", cell: (offer: PlanView["offers"][number]) => offer.devices.join(",") },
      { title: "PRICE", cell: priceText, right: true },
      ...(plan.offers.some(({ egress }) => egress !== null)
        ? [{ title: "EGRESS", cell: egressText, right: true }]
        : []),
      ...(plan.offers.some(({ fetch }) => fetch !== null)
        ? [{ title: "FETCH", cell: fetchText, right: true }]
        : []),
      { title: "PERMITTED BY", cell: (offer: PlanView["offers"][number]) => offer.rules.join(" ") },
    ];
    lines.push(renderTable(plan.offers, columns));
  }
  for (const [rank, { host, country, device }] of plan.seats.entries()) {
    lines.push(`  rank ${rank}: ${host} (${country}), device ${device}`);
  }
  for (const { jobId, jobName, owner, priority, host, devices, rule } of plan.victims) {
    lines.push(
      `  would make room: ${jobId} (${jobName} of ${owner}, priority ${priority}) on ${host} ${devices.join(",")}, by ${rule}`,
    );
  }
  lines.push(...reasonLines(plan.refused.length > 0 ? plan.refused : plan.reasons));
  return lines.join("\n");
}
