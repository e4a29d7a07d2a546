import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { BurstOfferSchema, BurstService, PilotSchema } from "../../gen/quipu/v1/burst_pb.js";
import type { Handlers } from "../../io/rpc/service.js";
import type { PilotRecord } from "../../io/store/records.js";
import { budgetWindowMs, committedNanos } from "../../scheduler/burst/budget.js";
import { restsUntilMs } from "../../scheduler/burst/starts.js";
import type { BurstState, OfferState } from "../../scheduler/burst/state.js";
import type { Burst } from "../burst/burst.js";
import type { Core } from "../core.js";
import { placeMessage } from "../wire.js";

/** Pilots as they are kept; what is said of offers is as the last look found it. */
export function listPilots(core: Core): Handlers<typeof BurstService>["listPilots"] {
  return async () => {
    const { store, clock } = core.ports;
    const state = core.burst?.state;
    const ended = await store.pilots.endedSince(clock.wallMs() - budgetWindowMs);
    const pilots = [...ended, ...(await store.pilots.living())];
    return {
      pilots: pilots.sort((a, b) => a.createdAtMs - b.createdAtMs).map(pilotMessage),
      offers: state?.offers.map((one) => offerMessage(one, state, core.burst as Burst)) ?? [],
      held: (core.burst?.held ?? []).map(({ jobId, sinceMs, obstacle }) => {
        return { jobId, since: timestampFromMs(sinceMs), obstacle };
      }),
      ...(state?.config.budget === undefined
        ? {}
        : { budget: budgetMessage(state.config.budget, state) }),
    };
  };
}

function offerMessage(
  { offer }: OfferState,
  { pilots, nowMs }: BurstState,
  burst: Burst,
): MessageInitShape<typeof BurstOfferSchema> {
  const { name, provider, place, pilotsMax, price } = offer;
  const restsMs = restsUntilMs(pilots.filter((pilot) => pilot.offer === name));
  const trouble = burst.troubleOf(name);
  return {
    ...{ name, provider: provider.kind, place: placeMessage(place), pilotsMax },
    currency: price?.currency ?? "",
    nanosPerSecond: BigInt(price?.nanosPerSecond ?? 0),
    ...(trouble === undefined
      ? {}
      : { trouble: { ...trouble.toJSON(), next: trouble.next ?? "" } }),
    ...(restsMs > nowMs ? { restsUntil: timestampFromMs(restsMs) } : {}),
  };
}

function pilotMessage(pilot: PilotRecord): MessageInitShape<typeof PilotSchema> {
  const { id, offer, host, stage, jobId, reason, failed, price, joinedAtMs, endedAtMs } = pilot;
  return {
    ...{ id, offer, host, stage, jobId, reason, failed },
    createdAt: timestampFromMs(pilot.createdAtMs),
    endsAt: timestampFromMs(pilot.endsAtMs),
    ...(joinedAtMs === undefined ? {} : { joinedAt: timestampFromMs(joinedAtMs) }),
    ...(endedAtMs === undefined ? {} : { endedAt: timestampFromMs(endedAtMs) }),
    currency: price?.currency ?? "",
    nanosPerSecond: BigInt(price?.nanosPerSecond ?? 0),
  };
}

function budgetMessage(
  { currency, nanosPerDay }: NonNullable<BurstState["config"]["budget"]>,
  { pilots, nowMs }: BurstState,
) {
  const nanosCommitted = committedNanos(pilots, nowMs);
  return { currency, nanosPerDay: BigInt(nanosPerDay), nanosCommitted };
}
