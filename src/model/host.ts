/** A host as the scheduler sees it: place, devices, data, and what runs there now. */
import type { Place } from "./place.js";

export interface Device {
  /** `cpu` or `cuda:N`. */
  readonly id: string;
  readonly model: string;
  readonly memoryBytes: number;
  readonly backends: readonly string[];
  /** How many light runs it takes at once; a run that needs the device whole takes them all. */
  readonly slots: number;
}

/** What the runs on a device hold of it. */
export interface DeviceLoad {
  readonly device: string;
  readonly slots: number;
  readonly memoryBytes: number;
}

export interface HostView {
  readonly name: string;
  readonly place: Place;
  readonly devices: readonly Device[];
  /** Names of the data sets whose folders lie on this host. */
  readonly dataSets: readonly string[];
  readonly attached: boolean;
  /** Its operator wants no new runs there. */
  readonly cordoned: boolean;
  /** What leases hold now, one row a device; none for an idle one. */
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
    return slots > 0 ? [{ ...row, slots, memoryBytes: row.memoryBytes - less.memoryBytes }] : [];
  });
}

export function freeSlots({ load }: HostView, { id, slots }: Device): number {
  return slots - (load.find(({ device }) => device === id)?.slots ?? 0);
}
