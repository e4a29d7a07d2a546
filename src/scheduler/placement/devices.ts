/** Which devices of a host a job fits on, which of those it should take, and how much of that one. */
import type { Bounds } from "../../model/decision.js";
import {
  type Device,
  type DeviceLoad,
  deviceKind,
  freeSlots,
  type HostView,
} from "../../model/host.js";
import { type JobSpec, needsWholeDevice, taskBackend } from "../../model/job.js";
import { type PriceBook, priceOf } from "../../model/price-book.js";

/** Each list is a part of the one before it. */
export interface FittingDevices {
  readonly kinds: readonly Device[];
  readonly backends: readonly Device[];
  readonly roomy: readonly Device[];
  /** Within the job's budget. */
  readonly affordable: readonly Device[];
  /** Of a kind of which the job's owner may have more. */
  readonly granted: readonly Device[];
  readonly free: readonly Device[];
  /** Of those that are free. */
  readonly best: Device | undefined;
}

/** A job, and what limits it. */
export interface Wish {
  readonly job: JobSpec;
  readonly bounds: Bounds;
  /** What devices cost now, where anybody has said so. */
  readonly book: PriceBook | undefined;
}

export function fittingDevices(wish: Wish, host: HostView): FittingDevices {
  const { job, bounds } = wish;
  const { device: wanted, memoryBytes } = job.resources;
  const backend = taskBackend(job.task);
  const kinds = host.devices.filter((device) => wanted === "any" || deviceKind(device) === wanted);
  const backends = kinds.filter(
    (device) => backend === "auto" || device.backends.includes(backend),
  );
  const roomy = backends.filter((device) => device.memoryBytes >= memoryBytes);
  const affordable = roomy.filter((device) => isAffordable(wish, host, device));
  const granted = affordable.filter(
    (device) => !bounds.kinds?.some(({ kind }) => kind === deviceKind(device)),
  );
  const free = granted.filter((device) => isFree(host, device, demandOf(job, device)));
  let best = free[0];
  for (const device of free) if (best !== undefined && isBetter(job, device, best)) best = device;
  return { kinds, backends, roomy, affordable, granted, free, best };
}

/** What has no price, or one in another currency, is within no budget. */
function isAffordable({ job: { budget }, book }: Wish, { place }: HostView, device: Device) {
  if (budget === undefined) return true;
  const price = book === undefined ? undefined : priceOf(book, place, device);
  if (price === undefined || price.currency !== budget.currency) return false;
  return BigInt(price.nanosPerSecond) * BigInt(budget.seconds) <= BigInt(budget.nanos);
}

/** What the job takes of this device while it runs. */
export function demandOf(job: JobSpec, device: Device): DeviceLoad {
  const slots = needsWholeDevice(job.task) ? device.slots : 1;
  return { device: device.id, slots, memoryBytes: job.resources.memoryBytes };
}

function isFree(host: HostView, device: Device, demand: DeviceLoad): boolean {
  if (freeSlots(host, device) < demand.slots) return false;
  const held = host.load.find((row) => row.device === device.id)?.memoryBytes ?? 0;
  return held + demand.memoryBytes <= device.memoryBytes;
}

/** Of equally good ones the first is taken. */
function isBetter(job: JobSpec, a: Device, b: Device): boolean {
  const preference = Number(isPreferred(job, a)) - Number(isPreferred(job, b));
  if (preference !== 0) return preference > 0;
  return a.memoryBytes < b.memoryBytes; // the smallest that fits leaves the large ones free
}

/** Hashing gains nothing from an accelerator; tensor work does. */
export function isPreferred(job: JobSpec, device: Device): boolean {
  return deviceKind(device) === (job.task.driver === "tensor" ? "cuda" : "cpu");
}
