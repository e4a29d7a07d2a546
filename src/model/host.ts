/** A host as the scheduler sees it: place, devices, data, and what runs there now. */
import type { Place } from "./place.js";

/** Only a healthy device takes new runs; what runs on another goes on. */
export const deviceHealths = ["healthy", "suspect", "quarantined", "repair", "unknown"] as const;
export type DeviceHealth = (typeof deviceHealths)[number];

/** CUDA's, for example 9.0. */
export const capabilityPattern = /^[0-9]{1,2}\.[0-9]$/;
/** Of a GPU's driver, for example 535.104 or 535.104.05. */
export const driverVersionPattern = /^[0-9]{1,5}(\.[0-9]{1,5}){0,2}$/;
/** Profile of a part of a GPU, for example 1g.10gb. */
export const slicePattern = /^[0-9]{1,2}g\.[0-9]{1,4}gb(\+[a-z.]{1,16})?$/;

export interface Device {
  /** `cpu` or `cuda:N`. */
  readonly id: string;
  readonly model: string;
  readonly memoryBytes: number;
  readonly backends: readonly string[];
  /** How many light runs it takes at once; a run that needs the device whole takes them all. */
  readonly slots: number;
  /** Absent where it has none, or nobody knows. */
  readonly computeCapability?: string;
  /** Of its driver; absent where it has none, or nobody knows. */
  readonly driverVersion?: string;
  /** Where it is not a whole GPU. */
  readonly slice?: string;
  /** Absent: healthy. An agent names a device only when it has opened it. */
  readonly health?: Exclude<DeviceHealth, "healthy">;
}

/** What the runs on a device hold of it. */
export interface DeviceLoad {
  readonly device: string;
  readonly slots: number;
  readonly memoryBytes: number;
}

/** All that one run holds of its host: of the device that it is named by, and of what else it asked for. */
export interface RunLoad extends DeviceLoad {
  /** Its other devices, and the row of the host; absent: neither. */
  readonly more?: readonly DeviceLoad[];
}

/** Cores and memory of the host itself are held as if it were a device: its slots are its cores. */
export const hostRow = "host";

export interface HostView {
  readonly name: string;
  readonly place: Place;
  readonly devices: readonly Device[];
  /** Of its processors, for jobs that ask for some; absent: not known. */
  readonly cores?: number;
  readonly memoryBytes?: number;
  /** Names of the data sets whose folders lie on this host. */
  readonly dataSets: readonly string[];
  readonly attached: boolean;
  /** Its operator wants no new runs there. */
  readonly cordoned: boolean;
  /** What leases hold now, one row a device and one for the host; none where nothing is held. */
  readonly load: readonly DeviceLoad[];
}

export const deviceKinds = ["cpu", "cuda"] as const;
export type DeviceKind = (typeof deviceKinds)[number];

export function deviceKind({ id }: Pick<Device, "id">): DeviceKind {
  return id === "cpu" ? "cpu" : "cuda";
}

/** A load and what comes on top of it. */
export function loaded(load: readonly DeviceLoad[], more: DeviceLoad): DeviceLoad[] {
  const { device } = more;
  const known = load.find((row) => row.device === device);
  const slots = more.slots + (known?.slots ?? 0);
  const memoryBytes = more.memoryBytes + (known?.memoryBytes ?? 0);
  return [...load.filter((row) => row !== known), { device, slots, memoryBytes }];
}

/** A load without what leaves. */
export function unloaded(load: readonly DeviceLoad[], less: DeviceLoad): readonly DeviceLoad[] {
  return load.flatMap((row) => {
    if (row.device !== less.device) return [row];
    const slots = row.slots - less.slots;
    const memoryBytes = row.memoryBytes - less.memoryBytes;
    return slots > 0 || memoryBytes > 0 ? [{ ...row, slots, memoryBytes }] : [];
  });
}

export function rowsOf({ device, slots, memoryBytes, more }: RunLoad): readonly DeviceLoad[] {
  const first = { device, slots, memoryBytes };
  return more === undefined ? [first] : [first, ...more];
}

/** A load and all that a run takes on top of it. */
export function withRun(load: readonly DeviceLoad[], run: RunLoad): readonly DeviceLoad[] {
  return run.more === undefined ? loaded(load, run) : rowsOf(run).reduce(loaded, load);
}

/** A load without what a run leaves. */
export function withoutRun(load: readonly DeviceLoad[], run: RunLoad): readonly DeviceLoad[] {
  return run.more === undefined ? unloaded(load, run) : rowsOf(run).reduce(unloaded, load);
}

/** Ids of the devices that a run is on, all of one kind; quotas and prices count them all. */
export function devicesOf({ device, more }: Pick<RunLoad, "device" | "more">): readonly string[] {
  if (more === undefined) return [device];
  return [device, ...more.map((row) => row.device).filter((id) => id !== hostRow)];
}

/** Whether it has at least such a compute capability. */
export function isCapable({ computeCapability = "0.0" }: Device, least: string): boolean {
  const number = (text: string) => Number(text.replace(".", "")); // one digit stands after the dot
  return number(computeCapability) >= number(least);
}

/** Whether its driver is at least as new, number by number: 99.2 is older than 535, 535.54.03 than 535.104. */
export function isDrivenBy({ driverVersion }: Device, least: string): boolean {
  if (driverVersion === undefined) return false;
  const has = driverVersion.split(".").map(Number);
  for (const [at, number] of least.split(".").map(Number).entries()) {
    const difference = (has[at] ?? 0) - number;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** What nobody holds of the host itself. */
export function freeOfHost({
  cores = 0,
  memoryBytes = 0,
  load,
}: HostView): Omit<DeviceLoad, "device"> {
  const held = load.find(({ device }) => device === hostRow);
  return {
    slots: cores - (held?.slots ?? 0),
    memoryBytes: memoryBytes - (held?.memoryBytes ?? 0),
  };
}

export function freeSlots({ load }: HostView, { id, slots }: Device): number {
  return slots - (load.find(({ device }) => device === id)?.slots ?? 0);
}
