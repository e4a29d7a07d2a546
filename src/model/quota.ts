/** How many devices an owner may use at once, of each kind, and what its share weighs. */
import { z } from "zod";
import { type DeviceKind, deviceKinds } from "./host.js";
import { label } from "./name.js";

const devicesMax = 1_000_000;
const count = z.int().nonnegative().max(devicesMax);

const kindQuota = z.strictObject({
  nominal: count.describe("devices that are its own: others use them only while it does not"),
  borrowMax: count
    .optional()
    .describe("devices of others beyond that; as many as are free without it"),
});
export type KindQuota = z.infer<typeof kindQuota>;

export const quota = z.strictObject({
  owner: label,
  weight: z.int().min(1).max(1000).default(1).describe("twice the weight, twice the share"),
  cpu: kindQuota.optional(),
  cuda: kindQuota.optional(),
} satisfies Record<DeviceKind, z.ZodType> & Record<string, z.ZodType>);
export type Quota = z.infer<typeof quota>;

/** Devices in use, by kind. */
export type Usage = Readonly<Record<DeviceKind, number>>;

export function noUsage(): Record<DeviceKind, number> {
  return Object.fromEntries(deviceKinds.map((kind) => [kind, 0])) as Record<DeviceKind, number>;
}

/** What is its own; nothing where nobody has said so. */
export function nominalOf(quota: Quota | undefined, kind: DeviceKind): number {
  return quota?.[kind]?.nominal ?? 0;
}

export function limitOf(quota: Quota | undefined, kind: DeviceKind): number {
  const of = quota?.[kind];
  if (of?.borrowMax === undefined) return Number.POSITIVE_INFINITY;
  return of.nominal + of.borrowMax;
}
