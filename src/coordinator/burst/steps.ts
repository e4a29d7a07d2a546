/**
 * What is written about a pilot, in this order:
 *
 * 1. `wanted`, with the digest of its token, and its name made ready. A crash before this has asked
 *    nobody for anything.
 * 2. Its provider is asked to start it. A crash before or during this leaves a pilot of which nobody
 *    knows whether it is there: its provider says so, by its id. What is there has its token and goes
 *    on; what is not there after a while is given up, and should it turn up late its id is that of a
 *    pilot that ended, so it is stopped.
 * 3. `started`. A crash before it changes nothing: 2 is found out again.
 * 4. `joined`, when its agent shows the token (`admit.ts`).
 * 5. `draining`, together with the cordon of its host: from then on no decision gives it anything.
 * 6. `stopping`; its provider is asked to stop it, again and again, also by the next process.
 * 7. `ended`, when its provider no longer knows it; its name is free.
 */
import { digestOf } from "../../base/bytes.js";
import { timestamp } from "../../base/clock.js";
import { newId } from "../../base/ids.js";
import type { PilotOrder } from "../../io/burst/provider.js";
import type { HostRecord, PilotRecord } from "../../io/store/records.js";
import type { Offer } from "../../model/burst.js";
import type { BurstAction } from "../../scheduler/burst/state.js";
import type { Core } from "../core.js";
import { cordonHost } from "../host/cordon.js";
import { freeHost } from "./hosts.js";

const tokenBytes = 32;

type Start = Extract<BurstAction, { kind: "start" }>;

/** Step 1. The order is the only place where the token stands. */
export async function want(
  core: Core,
  { offer, host, jobId }: Start,
  coordinator: string,
): Promise<PilotOrder> {
  const { random, clock, store } = core.ports;
  const token = Buffer.from(random.bytes(tokenBytes)).toString("base64url");
  const createdAtMs = clock.wallMs();
  const lifetimeMs = 1000 * offer.lifetimeSeconds;
  const pilot: PilotRecord = {
    id: newId("pilot", random),
    offer: offer.name,
    host,
    stage: "wanted",
    tokenDigest: digestOf(new TextEncoder().encode(token)),
    jobId,
    ...(offer.price === undefined ? {} : { price: offer.price }),
    createdAtMs,
    endsAtMs: createdAtMs + lifetimeMs,
    reason: "",
    failed: false,
  };
  const free = await store.transact(async ({ pilots, hosts }) => {
    await pilots.insert(pilot);
    const named = freeHost(host, offer, await hosts.get(host));
    await hosts.put(named);
    return named;
  });
  see(core, free);
  const environment = environmentOf(pilot, offer, token, coordinator);
  return { id: pilot.id, lifetimeMs, environment };
}

function environmentOf(
  { host, endsAtMs }: PilotRecord,
  { place }: Offer,
  token: string,
  coordinator: string,
): Readonly<Record<string, string>> {
  return {
    QUIPU_NAME: host,
    QUIPU_COUNTRY: place.country,
    QUIPU_ZONE: place.zone,
    QUIPU_SITE: place.site,
    QUIPU_GRADE: place.grade,
    QUIPU_GRADE_UNTIL: place.gradeUntil ?? "",
    QUIPU_OPERATOR: place.operator ?? "",
    QUIPU_COORDINATOR: coordinator,
    QUIPU_UNTIL: timestamp(endsAtMs),
    QUIPU_PILOT_TOKEN: token,
  };
}

/** Step 3; it may have joined meanwhile. */
export async function markStarted(core: Core, id: string): Promise<void> {
  await change(core, id, (pilot) =>
    pilot.stage === "wanted" ? { ...pilot, stage: "started" } : undefined,
  );
}

/** Step 5. */
export async function drain(
  core: Core,
  { id, host }: PilotRecord,
  { reason, untilMs }: Extract<BurstAction, { kind: "drain" }>,
): Promise<void> {
  const drainMs = Math.max(0, untilMs - core.ports.clock.wallMs());
  await cordonHost(core, host, { reason, drainMs }, async ({ pilots }) => {
    const pilot = await pilots.get(id);
    if (pilot?.stage === "joined") await pilots.update({ ...pilot, stage: "draining", reason });
  });
}

/** Step 6, before its provider is asked. */
export async function markStopping(
  core: Core,
  id: string,
  failed: boolean,
  reason?: string,
): Promise<void> {
  await change(core, id, (pilot) => {
    if (pilot.stage === "stopping" || pilot.stage === "ended") return undefined;
    return { ...pilot, stage: "stopping", failed, reason: reason ?? pilot.reason };
  });
}

/** Step 7. Its stream, if it still has one, is closed: its token is worth nothing any more. */
export async function markEnded(
  core: Core,
  { id, host }: PilotRecord,
  { failed, reason }: Extract<BurstAction, { kind: "end" }>,
  offer: Offer | undefined,
): Promise<void> {
  const endedAtMs = core.ports.clock.wallMs();
  const name = await core.ports.store.transact(async ({ pilots, hosts }) => {
    const named = offer && freeHost(host, offer, await hosts.get(host));
    const pilot = await pilots.get(id);
    if (pilot === undefined || pilot.stage === "ended") return named;
    const why = reason ?? pilot.reason;
    await pilots.update({ ...pilot, stage: "ended", endedAtMs, failed, reason: why });
    if (named !== undefined) await hosts.put(named);
    return named;
  });
  core.sessions.get(host)?.close();
  core.away.delete(host); // it has not vanished: it was let go
  core.queue.lookAgain(); // what it has taken with it may be what others wait for
  core.wake();
  if (name !== undefined) see(core, name);
}

async function change(
  core: Core,
  id: string,
  step: (pilot: PilotRecord) => PilotRecord | undefined,
): Promise<void> {
  await core.ports.store.transact(async ({ pilots }) => {
    const pilot = await pilots.get(id);
    const next = pilot === undefined ? undefined : step(pilot);
    if (next !== undefined) await pilots.update(next);
  });
}

function see(core: Core, host: HostRecord): void {
  core.hosts.set(host.name, host);
  core.fleet.changed(host.name);
  core.wake();
}
