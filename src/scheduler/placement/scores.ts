/**
 * Among hosts that are lawful and fit: which first. Whole numbers, added up, each part shown in the
 * decision. Scores order the allowed hosts; nothing here can let a host in.
 */
import type { Device, HostView } from "../../model/host.js";
import type { JobSpec } from "../../model/job.js";
import { isPreferred } from "./devices.js";

interface Score {
  readonly part: string;
  /** `undefined` where the part does not apply. */
  of(job: JobSpec, host: HostView, device: Device): number | undefined;
}

const scores: readonly Score[] = Object.freeze([
  // Larger than all other parts together: public capacity is used only when no private host has room.
  { part: "burst", of: (_job, { place }) => (place.site === "public" ? -1000 : undefined) },
  { part: "device", of: (job, _host, device) => (isPreferred(job, device) ? 200 : 0) },
  {
    part: "idle",
    of: (_job, { devices, busyDevices }) => {
      const busy = new Set(busyDevices);
      const free = devices.filter(({ id }) => !busy.has(id)).length;
      return Math.floor((100 * free) / devices.length);
    },
  },
] satisfies Score[]);

export function scoreParts(job: JobSpec, host: HostView, device: Device): Record<string, number> {
  const parts: Record<string, number> = {};
  for (const { part, of } of scores) {
    const value = of(job, host, device);
    if (value !== undefined) parts[part] = value;
  }
  return parts;
}
