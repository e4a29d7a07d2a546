/**
 * What a host reports about itself: a sample each second, and an inventory at attach. The names are
 * those of the wire messages `TelemetrySample` and `Inventory`; counts are plain numbers here.
 */
import type { Device } from "./host.js";

export interface Sample {
  /** Milliseconds since 1970, the host's own clock. */
  readonly atMs: number;
  /** Absent while no collector has ever read it. A member that is not known is NaN. */
  readonly cpu?: CpuSample;
  readonly memory?: MemorySample;
  readonly disks: readonly DiskSample[];
  readonly networks: readonly NetworkSample[];
  readonly gpus: readonly GpuSample[];
  readonly faults: readonly CollectorFault[];
}

export interface CpuSample {
  /** Share of all cores in use since the last sample, from 0 to 1. */
  readonly utilization: number;
  readonly load1m: number;
  readonly load5m: number;
  readonly load15m: number;
}

export interface MemorySample {
  readonly totalBytes: number;
  readonly availableBytes: number;
  readonly swapTotalBytes: number;
  readonly swapFreeBytes: number;
}

/** Counters since boot. */
export interface DiskSample {
  readonly device: string;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** Counters since boot. */
export interface NetworkSample {
  readonly interface: string;
  readonly receivedBytes: number;
  readonly transmittedBytes: number;
}

/** What a device cannot report is NaN, never 0. */
export interface GpuSample {
  /** `cuda:N`. */
  readonly device: string;
  readonly model: string;
  /** From 0 to 1. */
  readonly utilization: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly temperatureCelsius: number;
  readonly powerWatts: number;
}

/** A collector that gave no fresh value, and why. */
export interface CollectorFault {
  readonly collector: string;
  readonly text: string;
}

export interface Inventory {
  readonly hostname: string;
  readonly os: string;
  readonly kernel: string;
  readonly cpuModel: string;
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly devices: readonly Device[];
  readonly agentVersion: string;
  /** Data sets whose folders lie on this host. */
  readonly dataSets: readonly { readonly name: string }[];
  /** Empty where no GPU driver is loaded. */
  readonly driverVersion: string;
}
