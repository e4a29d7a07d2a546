/** A sample of this host at a steady pace. No process is started in the loop, and no file opened. */
import type { Clock } from "../../base/clock.js";
import type { Sample } from "../../model/telemetry.js";
import { GpuWatch } from "./gpu-watch.js";
import { Sampler } from "./sampler.js";

export interface TelemetryOptions {
  readonly intervalMs: number;
  readonly clock: Clock;
  /** `/proc` unless told otherwise. */
  readonly procRoot?: string;
  /** Program that reads the GPUs; without it none are looked for. */
  readonly gpuHelperPath?: string;
}

export interface Telemetry {
  /** `undefined` until the first interval has passed. */
  latest(): Sample | undefined;
  /** Calls back with each new sample; returns what ends it. The callback must not throw. */
  onSample(callback: (sample: Sample) => void): () => void;
  close(): void;
}

export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { intervalMs, clock, procRoot = "/proc", gpuHelperPath } = options;
  const gpus = gpuHelperPath === undefined ? undefined : new GpuWatch(gpuHelperPath);
  const sampler = new Sampler(clock, procRoot, gpus);
  const callbacks = new Set<(sample: Sample) => void>();
  let latest: Sample | undefined;
  const timer = setInterval(() => {
    latest = sampler.sample();
    for (const callback of callbacks) callback(latest);
  }, intervalMs);
  timer.unref(); // watching is no reason to stay alive
  return {
    latest: () => latest,
    onSample(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    close() {
      clearInterval(timer);
      sampler.close();
    },
  };
}
