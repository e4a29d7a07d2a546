/** Which devices of a host a job fits on, which of those it should take, and how much of the host then. */
import type { Bounds, DecisionVersion } from "../../model/decision.js";
import {
  type Device,
  type DeviceLoad,
  deviceKind,
  deviceKinds,
  type HostView,
  hostRow,
  isCapable,
  isDrivenBy,
  type RunLoad,
} from "../../model/host.js";
import { type JobSpec, needsWholeDevice, taskBackend, wantedKinds } from "../../model/job.js";
import { type Price, type PriceBook, priceOf, wattsOf } from "../../model/price-book.js";
import { egressOf } from "./egress.js";

/** Each list is a part of the one before it. A job fits while there are as many as it needs. */
export interface FittingDevices {
  /** So many it needs, all of one kind. */
  readonly count: number;
  readonly kinds: readonly Device[];
  /** Of the profile that the job asks for, or whole where it asks for none. */
  readonly slices: readonly Device[];
  readonly backends: readonly Device[];
  readonly capable: readonly Device[];
  /** Whose driver is new enough. */
  readonly driven: readonly Device[];
  readonly roomy: readonly Device[];
  /** Within the job's budget, if it takes as many as it needs at this price, and brings its inputs. */
  readonly affordable: readonly Device[];
  readonly healthy: readonly Device[];
  /** Of a kind of which the job's owner may have more. */
  readonly granted: readonly Device[];
  /** Of a kind on which nobody has answered, where such a one is asked first. */
  readonly unasked: readonly Device[];
  readonly free: readonly Device[];
  /** Of those that are free as many as it needs, the best first; none where there are fewer. */
  readonly best: readonly Device[];
}

/** A job, and what limits it. */
export interface Wish {
  readonly job: JobSpec;
  readonly bounds: Bounds;
  /** What devices cost now, where anybody has said so. */
  readonly book: PriceBook | undefined;
  /** Of the record that is made. */
  readonly version: DecisionVersion;
}

export function fittingDevices(wish: Wish, host: HostView): FittingDevices {
  const { job, bounds } = wish;
  const { devices: count = 1, memoryBytes, slice, driverMin } = job.resources;
  const { computeCapabilityMin: least } = job.resources;
  const backend = taskBackend(job.task);
  const wanted = wantedKinds(job.resources);
  // What is not asked is not looked at: an offer looks at every device of its host anew.
  const isPlain = arePlain(host.devices);
  const kinds =
    wanted === deviceKinds
      ? host.devices
      : host.devices.filter((device) => wanted.includes(deviceKind(device)));
  const slices =
    isPlain && slice === undefined ? kinds : kinds.filter((device) => device.slice === slice);
  const backends =
    backend === "auto" ? slices : slices.filter((device) => device.backends.includes(backend));
  const capable =
    least === undefined ? backends : backends.filter((device) => isCapable(device, least));
  const driven =
    driverMin === undefined ? capable : capable.filter((device) => isDrivenBy(device, driverMin));
  const roomy =
    memoryBytes === 0 ? driven : driven.filter((device) => device.memoryBytes >= memoryBytes);
  const affordable = affordableOf(wish, host, roomy);
  const healthy = isPlain ? affordable : affordable.filter(({ health }) => health === undefined);
  const barred = bounds.kinds;
  const granted =
    barred === undefined
      ? healthy
      : healthy.filter((device) => !barred.some(({ kind }) => kind === deviceKind(device)));
  const asked = bounds.auditedKinds;
  const unasked =
    asked === undefined ? granted : granted.filter((device) => !asked.includes(deviceKind(device)));
  const whole = needsWholeDevice(job);
  const free = unasked.filter((device) => {
    return isFree(host, device, whole ? device.slots : 1, memoryBytes);
  });
  const best = bestOf(job, free, count);
  return {
    count,
    kinds,
    slices,
    backends,
    capable,
    driven,
    roomy,
    affordable,
    healthy,
    granted,
    unasked,
    free,
    best,
  };
}

/** Whether all are whole and healthy, as nearly everywhere. */
function arePlain(devices: readonly Device[]): boolean {
  for (const { slice, health } of devices) {
    if (slice !== undefined || health !== undefined) return false;
  }
  return true;
}

/** What has no price, or one in another currency, is within no budget. */
function affordableOf(wish: Wish, host: HostView, devices: readonly Device[]): readonly Device[] {
  const { job, book } = wish;
  const { budget } = job;
  if (budget === undefined) return devices;
  if (book?.currency !== budget.currency) return [];
  const left = BigInt(budget.nanos) - (egressOf(wish, host) ?? 0n);
  return devices.filter((device) => {
    const price = priceOf(book, host.place, device);
    return price !== undefined && costOf(job, price.nanosPerSecond, budget.seconds) <= left;
  });
}

/** Of as many devices at this price as it needs, for so long. */
export function costOf({ resources }: JobSpec, nanosPerSecond: number, seconds: number): bigint {
  const { devices = 1 } = resources;
  return BigInt(nanosPerSecond) * BigInt(devices) * BigInt(seconds);
}

/** Of some devices together; undefined where one of them has none. */
export function priceOfAll(
  book: PriceBook | undefined,
  { place }: Pick<HostView, "place">,
  devices: readonly Device[],
): Price | undefined {
  if (book === undefined) return undefined;
  let nanosPerSecond = 0;
  for (const device of devices) {
    const price = priceOf(book, place, device);
    if (price === undefined) return undefined;
    nanosPerSecond += price.nanosPerSecond;
  }
  return { currency: book.currency, nanosPerSecond };
}

/** Of some devices while the job runs; undefined where nobody says how long, or what one draws. */
export function energyOf(
  { job, book }: Pick<Wish, "job" | "book">,
  { place }: Pick<HostView, "place">,
  devices: readonly Device[],
): number | undefined {
  if (book === undefined || job.budget === undefined) return undefined;
  let watts = 0;
  for (const device of devices) watts += wattsOf(book, place, device) ?? Number.NaN;
  return Number.isNaN(watts) ? undefined : watts * job.budget.seconds;
}

/** What the job takes while it runs: of these devices, and of the host where it asks for that. */
export function demandOf(job: JobSpec, devices: readonly Device[]): RunLoad {
  const [first, ...more] = devices.map((device) => rowOf(job, device));
  const { cores = 0, hostMemoryBytes = 0 } = job.resources;
  if (cores > 0 || hostMemoryBytes > 0) {
    more.push({ device: hostRow, slots: cores, memoryBytes: hostMemoryBytes });
  }
  return more.length === 0 ? (first as DeviceLoad) : { ...(first as DeviceLoad), more };
}

function rowOf(job: JobSpec, { id, slots }: Device): DeviceLoad {
  const { memoryBytes } = job.resources;
  return { device: id, slots: needsWholeDevice(job) ? slots : 1, memoryBytes };
}

function isFree(host: HostView, device: Device, slots: number, memoryBytes: number): boolean {
  const held = host.load.find((row) => row.device === device.id);
  if (held === undefined) return slots <= device.slots && memoryBytes <= device.memoryBytes;
  const fits = held.slots + slots <= device.slots;
  return fits && held.memoryBytes + memoryBytes <= device.memoryBytes;
}

/** Of equally good ones the first is taken. */
function bestOf(job: JobSpec, free: readonly Device[], count: number): readonly Device[] {
  if (free.length < count) return [];
  if (count > 1) return [...free].sort((a, b) => a.memoryBytes - b.memoryBytes).slice(0, count);
  let best = free[0] as Device;
  for (const device of free) if (isBetter(job, device, best)) best = device;
  return [best];
}

function isBetter(job: JobSpec, a: Device, b: Device): boolean {
  const preference = Number(isPreferred(job, a)) - Number(isPreferred(job, b));
  if (preference !== 0) return preference > 0;
  return a.memoryBytes < b.memoryBytes; // the smallest that fits leaves the large ones free
}

/** Hashing gains nothing from an accelerator; tensor work does. */
export function isPreferred(job: JobSpec, device: Device): boolean {
  return deviceKind(device) === (job.task.driver === "tensor" ? "cuda" : "cpu");
}
