/** `quipu burst ls`: what is offered, and the pilots that live or ended within a day. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { timestamp } from "../../base/clock.js";
import type {
  BurstBudget,
  BurstOffer,
  ListPilotsResponse,
  Pilot,
} from "../../gen/quipu/v1/burst_pb.js";
import { Site } from "../../gen/quipu/v1/types_pb.js";
import type { VerbAction } from "../context.js";
import { siteName } from "../host/host-view.js";
import { renderTable } from "../table.js";
import { heldView } from "./held.js";

/** Rows that people read. */
const heldMax = 20;

export const action: VerbAction = async (context) => {
  const { burst } = await context.coordinator();
  const { offers, pilots, budget, held } = await burst.listPilots({});
  const value = {
    offers: offers.map(offerView),
    pilots: pilots.map(pilotView),
    held: held.map(heldView),
    budget: budget === undefined ? null : budgetView(budget),
  };
  context.output.result(value, () => page(value));
  return 0;
};

function offerView(offer: BurstOffer) {
  const { name, provider, place, pilotsMax, currency, nanosPerSecond, trouble } = offer;
  return {
    ...{ name, provider, pilotsMax },
    country: place?.country ?? "",
    site: siteName(place?.site ?? Site.UNSPECIFIED),
    price: currency === "" ? null : { currency, nanosPerSecond: Number(nanosPerSecond) },
    trouble: trouble === undefined ? null : { code: trouble.code, message: trouble.message },
    restsUntil: timeText(offer.restsUntil),
  };
}

function pilotView(pilot: Pilot) {
  const { id, offer, host, stage, jobId, reason, failed } = pilot;
  return {
    ...{ id, offer, host, stage, jobId, failed },
    reason: reason || null,
    createdAt: timeText(pilot.createdAt),
    joinedAt: timeText(pilot.joinedAt),
    endsAt: timeText(pilot.endsAt),
    endedAt: timeText(pilot.endedAt),
  };
}

function budgetView({ currency, nanosPerDay, nanosCommitted }: BurstBudget) {
  return {
    currency,
    nanosPerDay: Number(nanosPerDay),
    nanosCommitted: Number(nanosCommitted),
  };
}

interface View {
  readonly held: readonly ReturnType<typeof heldView>[];
  readonly offers: readonly ReturnType<typeof offerView>[];
  readonly pilots: readonly ReturnType<typeof pilotView>[];
  readonly budget: ReturnType<typeof budgetView> | null;
}

function page({ offers, pilots, budget, held }: View): string {
  if (offers.length === 0 && pilots.length === 0) {
    return "nothing is offered; next: quipu-coordinator --burst FILE (docs/burst.md)";
  }
  const parts = [
    renderTable(offers, [
      { title: "OFFER", cell: ({ name }) => name },
      { title: "PROVIDER", cell: ({ provider }) => provider },
      { title: "COUNTRY", cell: ({ country }) => country },
      { title: "SITE", cell: ({ site }) => site },
      { title: "PILOTS", cell: ({ pilotsMax }) => `${pilotsMax}`, right: true },
      { title: "PRICE", cell: ({ price }) => (price === null ? "-" : hourly(price)), right: true },
      { title: "CARE", cell: careOf },
    ]),
  ];
  if (pilots.length > 0) {
    parts.push(
      renderTable(pilots, [
        { title: "PILOT", cell: ({ id }) => id },
        { title: "HOST", cell: ({ host }) => host },
        { title: "STAGE", cell: ({ stage, failed }) => (failed ? `${stage}, failed` : stage) },
        { title: "ENDS", cell: ({ endsAt, endedAt }) => endedAt ?? endsAt ?? "-" },
        { title: "WHY", cell: ({ reason, jobId }) => reason ?? `job ${jobId} waited` },
      ]),
    );
  }
  if (held.length > 0) {
    parts.push(
      renderTable(held.slice(0, heldMax), [
        { title: "JOB WITHOUT A PILOT", cell: ({ jobId }) => jobId },
        { title: "WAITS SINCE", cell: ({ since }) => since ?? "-" },
        { title: "WHY", cell: ({ text }) => text },
      ]),
    );
  }
  if (budget !== null) {
    const { nanosCommitted, nanosPerDay, currency } = budget;
    parts.push(`budget: ${units(nanosCommitted)} of ${units(nanosPerDay)} ${currency} a day`);
  }
  return parts.join("\n\n");
}

function careOf({ trouble, restsUntil }: View["offers"][number]): string {
  const rests = restsUntil === null ? [] : [`rests until ${restsUntil}`];
  return [...(trouble === null ? [] : [trouble.message]), ...rests].join("; ") || "-";
}

function hourly({ currency, nanosPerSecond }: { currency: string; nanosPerSecond: number }) {
  return `${units(nanosPerSecond * 3600)} ${currency}/h`;
}

function units(nanos: number): string {
  return (nanos / 1e9).toFixed(2);
}

function timeText(time: ListPilotsResponse["pilots"][number]["createdAt"]): string | null {
  return time === undefined ? null : timestamp(timestampMs(time));
}
