/**
 * The names that pilots bear. Each stands in the fleet as a host from the start, away until a pilot
 * bears it, with the place and devices that its offer says: so law and placement are asked about it
 * like about any other, and a job that is lawful only there waits instead of being refused.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { QuipuError } from "../../base/errors.js";
import { InventorySchema } from "../../gen/quipu/v1/types_pb.js";
import type { StoreTables } from "../../io/store/coordinator-store.js";
import type { HostRecord } from "../../io/store/records.js";
import { type BurstConfig, type Offer, pilotHosts } from "../../model/burst.js";
import { withCordon } from "../host/cordon.js";

/** A name that no pilot bears now. Keys that were revoked of `before`, who bore it, stay so. */
export function freeHost(
  name: string,
  { devices, dataSets, cores, memoryBytes, ...offer }: Offer,
  before: HostRecord | undefined,
): HostRecord {
  const { revokedKeys } = before ?? {};
  const inventory = create(InventorySchema, {
    devices: devices.map(({ driverVersion: _, ...one }) => {
      return { ...one, memoryBytes: BigInt(one.memoryBytes) };
    }),
    dataSets: dataSets.map((one) => ({ name: one })),
    driverVersion: devices.find((one) => one.driverVersion !== undefined)?.driverVersion ?? "",
    cpuCores: cores ?? 0,
    memoryBytes: BigInt(memoryBytes ?? 0),
  });
  return {
    name,
    place: offer.place,
    devices,
    dataSets,
    ...(cores === undefined ? {} : { cores }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    inventory: toBinary(InventorySchema, inventory),
    httpUrl: "",
    receiptKey: new Uint8Array(),
    lastSeenAtMs: 0,
    offer: offer.name,
    ...(revokedKeys === undefined ? {} : { revokedKeys }),
  };
}

/**
 * Brings the names into line with the configuration, which may have changed since the last start.
 * A pilot of an offer that is gone counts as ended: its token is worth nothing any more, so its agent
 * is refused and ends by itself.
 */
export async function layPilotHosts(
  { hosts, pilots }: StoreTables,
  config: BurstConfig | undefined,
  atMs: number,
): Promise<void> {
  const offers = new Map(config?.offers.map((offer) => [offer.name, offer]));
  const wanted = new Map<string, Offer>();
  for (const offer of offers.values()) for (const one of pilotHosts(offer)) wanted.set(one, offer);
  const borne = new Set<string>();
  for (const pilot of await pilots.living()) {
    if (offers.has(pilot.offer)) borne.add(pilot.host);
    else {
      const reason = "its offer is no longer configured";
      await pilots.update({ ...pilot, stage: "ended", endedAtMs: atMs, reason });
    }
  }
  for (const host of await hosts.all()) {
    const offer = wanted.get(host.name);
    if (offer !== undefined && host.offer === undefined) throw taken(host.name, offer.name);
    const isStale = offer === undefined || offer.name !== host.offer;
    if (host.offer !== undefined && isStale && !borne.has(host.name)) await hosts.delete(host.name);
  }
  for (const [name, offer] of wanted) {
    if (borne.has(name)) continue;
    const known = await hosts.get(name);
    // A cordon is an operator's, where no pilot bears it.
    await hosts.put(withCordon(freeHost(name, offer, known), known?.cordon));
  }
}

function taken(host: string, offer: string): QuipuError {
  return new QuipuError(
    "CONFLICT",
    `pilots of offer ${offer} would be named ${host}, and a host of that name is in the fleet`,
    { next: "give the offer another name" },
  );
}
