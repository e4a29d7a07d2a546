/**
 * GPU readings through the driver's management library, which the addon opens at run time. Calls
 * block while the driver answers and a sick device can hold them for ever: use it only in a helper
 * process that may be killed.
 */
import type { GpuSample } from "../../model/telemetry.js";
import { binding, type NativeGpuReadings } from "./binding.js";

export interface Nvml {
  readonly driverVersion: string;
  /** One sample a device, in the library's order; throws UNAVAILABLE when the driver fails. */
  read(): readonly GpuSample[];
}

/** The driver's face, or the reason, in words, why this host has none. */
export function openNvml(): Nvml | string {
  const first = binding().readGpus();
  if (first.reason !== "") return first.reason;
  return { driverVersion: first.driverVersion, read: () => samples(binding().readGpus()) };
}

function samples({ gpus }: NativeGpuReadings): readonly GpuSample[] {
  return gpus.map((gpu) => ({
    device: `cuda:${gpu.index}`,
    model: gpu.name,
    utilization: gpu.utilization,
    memoryUsedBytes: gpu.memoryUsedBytes,
    memoryTotalBytes: gpu.memoryTotalBytes,
    temperatureCelsius: gpu.temperatureCelsius,
    powerWatts: gpu.powerWatts,
  }));
}
