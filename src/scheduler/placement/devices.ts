/** Which devices of a host a job fits on, and which of those it should take. */
import { type Device, deviceKind, type HostView } from "../../model/host.js";
import { type JobSpec, taskBackend } from "../../model/job.js";

/** Each list is a part of the one before it. */
export interface FittingDevices {
  readonly kinds: readonly Device[];
  readonly backends: readonly Device[];
  readonly roomy: readonly Device[];
  /** Best first. */
  readonly free: readonly Device[];
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
  const free = roomy
    .filter(({ id }) => !busy.has(id))
    .sort(
      (a, b) =>
        Number(isPreferred(job, b)) - Number(isPreferred(job, a)) ||
        a.memoryBytes - b.memoryBytes || // the smallest that fits leaves the large ones free
        deviceNumber(a) - deviceNumber(b),
    );
  return { kinds, backends, roomy, free };
}

/** Hashing gains nothing from an accelerator; tensor work does. */
export function isPreferred(job: JobSpec, device: Device): boolean {
  return deviceKind(device) === (job.task.driver === "tensor" ? "cuda" : "cpu");
}

function deviceNumber({ id }: Device): number {
  return id === "cpu" ? -1 : Number(id.split(":")[1] ?? 0);
}
