/**
 * Inventory and samples as protobuf messages. A count that is not known (NaN in the model) travels as
 * -1, because an integer field has no NaN and 0 is a fact.
 */
import { create } from "@bufbuild/protobuf";
import { type TelemetrySample, TelemetrySampleSchema } from "../gen/quipu/v1/attach_pb.js";
import {
  DeviceHealth as HealthNumber,
  type Inventory as InventoryMessage,
  InventorySchema,
} from "../gen/quipu/v1/types_pb.js";
import type { DeviceHealth } from "../model/host.js";
import type { Inventory, Sample } from "../model/telemetry.js";

const healthNumbers: Readonly<Record<DeviceHealth, HealthNumber>> = {
  healthy: HealthNumber.HEALTHY,
  suspect: HealthNumber.SUSPECT,
  quarantined: HealthNumber.QUARANTINED,
  repair: HealthNumber.REPAIR,
  unknown: HealthNumber.UNKNOWN,
};

export function inventoryMessage(inventory: Inventory): InventoryMessage {
  return create(InventorySchema, {
    ...inventory,
    memoryBytes: whole(inventory.memoryBytes),
    devices: inventory.devices.map(({ health, ...device }) => ({
      ...device,
      health: healthNumbers[health ?? "healthy"],
      backends: [...device.backends],
      memoryBytes: whole(device.memoryBytes),
    })),
    dataSets: inventory.dataSets.map(({ name }) => ({ name })),
  });
}

export function sampleMessage({ atMs, cpu, memory, ...lists }: Sample): TelemetrySample {
  return create(TelemetrySampleSchema, {
    atMs: whole(atMs),
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined
      ? {}
      : {
          memory: {
            totalBytes: whole(memory.totalBytes),
            availableBytes: whole(memory.availableBytes),
            swapTotalBytes: whole(memory.swapTotalBytes),
            swapFreeBytes: whole(memory.swapFreeBytes),
          },
        }),
    disks: lists.disks.map(({ device, readBytes, writtenBytes }) => ({
      device,
      readBytes: whole(readBytes),
      writtenBytes: whole(writtenBytes),
    })),
    networks: lists.networks.map(({ interface: name, receivedBytes, transmittedBytes }) => ({
      interface: name,
      receivedBytes: whole(receivedBytes),
      transmittedBytes: whole(transmittedBytes),
    })),
    gpus: lists.gpus.map((gpu) => ({
      ...gpu,
      memoryUsedBytes: whole(gpu.memoryUsedBytes),
      memoryTotalBytes: whole(gpu.memoryTotalBytes),
    })),
    faults: lists.faults.map(({ collector, text }) => ({ collector, text })),
  });
}

function whole(value: number): bigint {
  return Number.isFinite(value) ? BigInt(Math.round(value)) : -1n;
}
