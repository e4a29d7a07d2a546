/** A host as `-o json` prints it. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { timestamp } from "../../base/clock.js";
import type { TelemetrySample } from "../../gen/quipu/v1/attach_pb.js";
import type { Host } from "../../gen/quipu/v1/fleet_pb.js";
import { DeviceHealth, PlaceGrade, Site } from "../../gen/quipu/v1/types_pb.js";

export function siteName(site: Site): "private" | "public" | "unknown" {
  if (site === Site.PRIVATE) return "private";
  return site === Site.PUBLIC ? "public" : "unknown";
}

const gradeNames: Readonly<Record<PlaceGrade, string>> = {
  [PlaceGrade.UNSPECIFIED]: "unknown",
  [PlaceGrade.CLAIMED]: "claimed",
  [PlaceGrade.OPERATOR_ASSERTED]: "operator-asserted",
  [PlaceGrade.PROVIDER_ATTESTED]: "provider-attested",
  [PlaceGrade.HARDWARE_ATTESTED]: "hardware-attested",
};

export function hostView(host: Host) {
  const { place, inventory } = host;
  return {
    name: host.name,
    country: place?.country ?? "",
    zone: place?.zone ?? "",
    site: siteName(place?.site ?? Site.UNSPECIFIED),
    grade: gradeNames[place?.grade ?? PlaceGrade.UNSPECIFIED],
    gradeUntil: place?.gradeUntil || null,
    operator: place?.operator || null,
    attached: host.attached,
    offer: host.offer || null,
    cordon:
      host.cordon === undefined
        ? null
        : {
            reason: host.cordon.reason,
            since: timeText(host.cordon.since),
            drainedAt: timeText(host.cordon.drainedAt),
          },
    reputation:
      host.reputation === undefined
        ? null
        : {
            right: Number(host.reputation.right),
            wrong: Number(host.reputation.wrong),
            rightInRow: Number(host.reputation.rightInRow),
          },
    lastSeenAt: timeText(host.lastSeenAt),
    agentVersion: inventory?.agentVersion ?? "",
    os: inventory?.os ?? "",
    kernel: inventory?.kernel ?? "",
    cpu: inventory?.cpuModel ?? "",
    cores: inventory?.cpuCores ?? 0,
    memoryBytes: Number(inventory?.memoryBytes ?? 0),
    driverVersion: inventory?.driverVersion || null,
    devices: (inventory?.devices ?? []).map(
      ({ id, model, memoryBytes, backends, slots, ...more }) => ({
        id,
        model,
        memoryBytes: Number(memoryBytes),
        backends,
        slots: Math.max(1, slots),
        computeCapability: more.computeCapability,
        slice: more.slice,
        health: healthName(more.health),
      }),
    ),
    dataSets: (inventory?.dataSets ?? []).map(({ name }) => name),
    runs: host.runs.map(({ runId, epoch }) => ({ runId, epoch: Number(epoch) })),
    telemetry: host.telemetry === undefined ? null : telemetryView(host.telemetry),
  };
}

function timeText(time: Host["lastSeenAt"]): string | null {
  return time === undefined ? null : timestamp(timestampMs(time));
}

export type HostView = ReturnType<typeof hostView>;

function telemetryView(sample: TelemetrySample) {
  return {
    at: timestamp(Number(sample.atMs)),
    cpu: {
      utilization: sample.cpu?.utilization ?? null,
      load1m: sample.cpu?.load1m ?? null,
      load5m: sample.cpu?.load5m ?? null,
      load15m: sample.cpu?.load15m ?? null,
    },
    memory: {
      totalBytes: Number(sample.memory?.totalBytes ?? 0),
      availableBytes: Number(sample.memory?.availableBytes ?? 0),
    },
    disks: sample.disks.map(({ device, readBytes, writtenBytes }) => ({
      device,
      readBytes: Number(readBytes),
      writtenBytes: Number(writtenBytes),
    })),
    networks: sample.networks.map((network) => ({
      interface: network.interface,
      receivedBytes: Number(network.receivedBytes),
      transmittedBytes: Number(network.transmittedBytes),
    })),
    gpus: sample.gpus.map((gpu) => ({
      device: gpu.device,
      model: gpu.model,
      utilization: gpu.utilization,
      memoryUsedBytes: Number(gpu.memoryUsedBytes),
      memoryTotalBytes: Number(gpu.memoryTotalBytes),
      temperatureCelsius: gpu.temperatureCelsius,
      powerWatts: gpu.powerWatts,
    })),
    faults: sample.faults.map(({ collector, text }) => ({ collector, text })),
  };
}

function healthName(health: DeviceHealth): string {
  if (health === DeviceHealth.UNSPECIFIED) return "healthy"; // one that is listed was opened
  return DeviceHealth[health]?.toLowerCase() ?? "unknown";
}
