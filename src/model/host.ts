/** A host as the scheduler sees it: place, devices, data, and what runs there now. */
import type { Place } from "./place.js";

export interface Device {
  /** `cpu` or `cuda:N`. */
  readonly id: string;
  readonly model: string;
  readonly memoryBytes: number;
  readonly backends: readonly string[];
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
  /** Device ids that hold a lease now. */
  readonly busyDevices: readonly string[];
}

export function deviceKind(device: Device): "cpu" | "cuda" {
  return device.id === "cpu" ? "cpu" : "cuda";
}
