/** Which devices of a host a job fits on, and which of those it should take. */
import { type Device, deviceKind, type HostView } from "../../model/host.js";
import { type JobSpec, taskBackend } from "../../model/job.js";

/** Each list is a part of the one before it. */
export interface FittingDevices {
  readonly kinds: readonly Device[];
  readonly backends: readonly Device[];
  readonly roomy: readonly Device[];
  readonly free: readonly Device[];
  /** Of those that are free. */
  readonly best: Device | undefined;
}

export function fittingDevices(job: JobSpec, host: HostView): FittingDevices {
  const { device: wanted, memoryBytes } = job.resources;
  const backend = taskBackend(job.task);
  const kinds = host.devices.filter((device) => wanted === "any" || deviceKind(device) === wanted);
  const backends = kinds.filter(
    (device) => backend === "auto" || device.backends.includes(backend),
  );
  const roomy = backends.filter((device) => device.memoryBytes >= memoryBytes);
  const busy = new Set(host.busyDevices);
  const free = roomy.filter(({ id }) => !busy.has(id));
  let best = free[0];
  for (const device of free) if (best !== undefined && isBetter(job, device, best)) best = device;
  return { kinds, backends, roomy, free, best };
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
