/**
 * Samples of hosts as a Prometheus page. Names are those of the OpenTelemetry semantic conventions
 * (`system.*`, `hw.*`) as the Prometheus exporter spells them: dots become underscores, the unit
 * stands last, counters end in `_total`. A value that is not known is left out: it is never 0.
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { Sample } from "../../model/telemetry.js";

interface Row {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly kind: "gauge" | "counter";
  /** Besides `host`. */
  readonly labels: readonly string[];
  rows(sample: Sample): readonly Row[];
}

const single = (value: number | undefined): readonly Row[] =>
  value === undefined ? [] : [{ labels: {}, value }];

const gauge = (name: string, help: string, of: (sample: Sample) => number | undefined): Metric => ({
  name,
  help,
  kind: "gauge",
  labels: [],
  rows: (sample) => single(of(sample)),
});

type GpuValue = (gpu: Sample["gpus"][number]) => number;
const gpuGauge = (
  name: string,
  help: string,
  of: GpuValue,
  fixed: Record<string, string> = {},
): Metric => ({
  name,
  help,
  kind: "gauge",
  labels: ["hw_id", "hw_name", ...Object.keys(fixed)],
  rows: ({ gpus }) =>
    gpus.map((gpu) => ({
      labels: { hw_id: gpu.device, hw_name: gpu.model, ...fixed },
      value: of(gpu),
    })),
});

const metrics: readonly Metric[] = [
  gauge(
    "quipu_telemetry_timestamp_seconds",
    "Host's own clock when it took its latest sample",
    ({ atMs }) => atMs / 1000,
  ),
  {
    name: "quipu_telemetry_collector_fault",
    help: "1 for each collector that gave no fresh value",
    kind: "gauge",
    labels: ["collector"],
    rows: ({ faults }) =>
      [...new Set(faults.map((fault) => fault.collector))].map((collector) => ({
        labels: { collector },
        value: 1,
      })),
  },
  gauge(
    "system_cpu_utilization_ratio",
    "Share of all cores in use since the sample before",
    ({ cpu }) => cpu?.utilization,
  ),
  gauge("system_cpu_load_average_1m", "Load average over 1 minute", ({ cpu }) => cpu?.load1m),
  gauge("system_cpu_load_average_5m", "Load average over 5 minutes", ({ cpu }) => cpu?.load5m),
  gauge("system_cpu_load_average_15m", "Load average over 15 minutes", ({ cpu }) => cpu?.load15m),
  gauge("system_memory_limit_bytes", "Memory of the host", ({ memory }) => memory?.totalBytes),
  gauge(
    "system_linux_memory_available_bytes",
    "Memory that can be used without swapping",
    ({ memory }) => memory?.availableBytes,
  ),
  {
    name: "system_paging_usage_bytes",
    help: "Swap space by state",
    kind: "gauge",
    labels: ["state"],
    rows: ({ memory }) =>
      memory === undefined
        ? []
        : [
            { labels: { state: "free" }, value: memory.swapFreeBytes },
            { labels: { state: "used" }, value: memory.swapTotalBytes - memory.swapFreeBytes },
          ],
  },
  {
    name: "system_disk_io_bytes_total",
    help: "Bytes read from and written to whole disks since boot",
    kind: "counter",
    labels: ["device", "direction"],
    rows: ({ disks }) =>
      disks.flatMap(({ device, readBytes, writtenBytes }) => [
        { labels: { device, direction: "read" }, value: readBytes },
        { labels: { device, direction: "write" }, value: writtenBytes },
      ]),
  },
  {
    name: "system_network_io_bytes_total",
    help: "Bytes received and sent by network interfaces since boot",
    kind: "counter",
    labels: ["device", "direction"],
    rows: ({ networks }) =>
      networks.flatMap(({ interface: device, receivedBytes, transmittedBytes }) => [
        { labels: { device, direction: "receive" }, value: receivedBytes },
        { labels: { device, direction: "transmit" }, value: transmittedBytes },
      ]),
  },
  gpuGauge("hw_gpu_utilization_ratio", "Share of time the GPU was busy", (gpu) => gpu.utilization),
  gpuGauge("hw_gpu_memory_usage_bytes", "GPU memory in use", (gpu) => gpu.memoryUsedBytes),
  gpuGauge("hw_gpu_memory_limit_bytes", "GPU memory", (gpu) => gpu.memoryTotalBytes),
  gpuGauge("hw_temperature_celsius", "Temperature of a device", (gpu) => gpu.temperatureCelsius, {
    hw_type: "gpu",
  }),
  gpuGauge("hw_power_watts", "Power drawn by a device", (gpu) => gpu.powerWatts, {
    hw_type: "gpu",
  }),
];

/** Host name → its latest sample. */
export function renderMetrics(samples: ReadonlyMap<string, Sample>): Promise<string> {
  const registry = new Registry();
  for (const { name, help, kind, labels, rows } of metrics) {
    const parts = { name, help, labelNames: ["host", ...labels], registers: [registry] };
    const metric = kind === "gauge" ? new Gauge(parts) : new Counter(parts);
    for (const [host, sample] of samples) {
      for (const row of rows(sample)) {
        if (Number.isNaN(row.value)) continue;
        metric.inc({ host, ...row.labels }, row.value);
      }
    }
  }
  return registry.metrics();
}
