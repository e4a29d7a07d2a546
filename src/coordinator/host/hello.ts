/** A `Hello` as a checked value: place, devices and key of a host, and nothing taken on trust. */
import { toBinary } from "@bufbuild/protobuf";
import { QuipuError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import { algorithmOf } from "../../base/signature.js";
import type { Hello } from "../../gen/quipu/v1/attach_pb.js";
import {
  DeviceHealth,
  type Device as DeviceMessage,
  type Inventory,
  InventorySchema,
} from "../../gen/quipu/v1/types_pb.js";
import type { HostRecord } from "../../io/store/records.js";
import {
  capabilityPattern,
  type Device,
  deviceKind,
  driverVersionPattern,
  slicePattern,
} from "../../model/host.js";
import { name } from "../../model/name.js";
import type { RunRef } from "../../model/run.js";
import { ownName } from "../dispatch/grants.js";
import { placeOf } from "../wire.js";

const devicesMax = 256;
const dataSetsMax = 4096;
const heldRunsMax = 4096;
const instancePattern = /^[\x21-\x7e]{1,128}$/;

export interface CheckedHello {
  readonly host: HostRecord;
  readonly instanceId: string;
  readonly heldRuns: readonly RunRef[];
}

/** Throws INVALID_ARGUMENT or LIMIT_EXCEEDED. */
export function checkHello(hello: Hello, atMs: number): CheckedHello {
  const { inventory, place } = hello;
  if (!name.safeParse(hello.host).success || hello.host === ownName) {
    throw wrong(`"${hello.host.slice(0, 80)}" cannot be the name of a host`);
  }
  if (inventory === undefined || place === undefined) throw wrong("place or inventory is missing");
  if (!instancePattern.test(hello.instanceId)) throw wrong("the instance id is malformed");
  const sizes = [inventory.devices.length, inventory.dataSets.length, hello.heldRuns.length];
  const sizesMax = [devicesMax, dataSetsMax, heldRunsMax];
  if (sizes.some((size, i) => size > (sizesMax[i] ?? 0))) {
    throw new QuipuError("LIMIT_EXCEEDED", "too many devices, data sets or runs in one hello");
  }
  const driver = driverOf(inventory);
  const devices = inventory.devices.map((device) => deviceOf(device, driver));
  if (new Set(devices.map(({ id }) => id)).size !== devices.length) {
    throw wrong("two devices have the same id");
  }
  return {
    host: {
      name: hello.host,
      place: placeOf(place),
      devices,
      ...ownFacts(inventory),
      dataSets: inventory.dataSets.map((holding) => checkedName(holding.name)),
      inventory: toBinary(InventorySchema, inventory),
      httpUrl: checkedUrl(hello.httpUrl),
      receiptKey: checkedKey(hello.receiptKey),
      lastSeenAtMs: atMs,
    },
    instanceId: hello.instanceId,
    heldRuns: hello.heldRuns.map(({ runId, epoch }) => ({ runId, epoch: Number(epoch) })),
  };
}

/** A count that the agent does not know is none, or -1. */
function ownFacts({ cpuCores, memoryBytes }: Inventory): Pick<HostRecord, "cores" | "memoryBytes"> {
  const bytes = Number(memoryBytes);
  if (!Number.isSafeInteger(bytes)) throw wrong("the host has no size");
  return {
    ...(cpuCores > 0 ? { cores: cpuCores } : {}),
    ...(bytes > 0 ? { memoryBytes: bytes } : {}),
  };
}

/** A grade that this version does not know is not taken for health. */
const healths: Readonly<Record<number, Device["health"]>> = {
  [DeviceHealth.SUSPECT]: "suspect",
  [DeviceHealth.QUARANTINED]: "quarantined",
  [DeviceHealth.REPAIR]: "repair",
};

function healthOf({ health }: DeviceMessage): Pick<Device, "health"> {
  if (health === DeviceHealth.UNSPECIFIED || health === DeviceHealth.HEALTHY) return {};
  return { health: healths[health] ?? "unknown" };
}

/** A host's GPUs have one. What reads like no version is as good as none. */
function driverOf({ driverVersion }: Inventory): Pick<Device, "driverVersion"> {
  return driverVersionPattern.test(driverVersion) ? { driverVersion } : {};
}

function deviceOf(device: DeviceMessage, driver: Pick<Device, "driverVersion">): Device {
  if (!/^(cpu|cuda:[0-9]{1,3})$/.test(device.id)) throw wrong(`no device is named "${device.id}"`);
  const memoryBytes = Number(device.memoryBytes);
  if (!Number.isSafeInteger(memoryBytes) || memoryBytes < 0) throw wrong("a device has no size");
  const { id, model, backends, computeCapability, slice } = device;
  if (computeCapability !== "" && !capabilityPattern.test(computeCapability)) {
    throw wrong(`device ${id} states a compute capability that is none`);
  }
  if (slice !== "" && !slicePattern.test(slice)) throw wrong(`device ${id} is no known slice`);
  const slots = device.slots === 0 ? 1 : device.slots;
  if (slots < 1 || slots > limits.slotsMax) throw wrong(`device ${id} has ${slots} slots`);
  return {
    ...{ id, model, memoryBytes, backends, slots },
    ...(computeCapability === "" ? {} : { computeCapability }),
    ...(deviceKind({ id }) === "cuda" ? driver : {}),
    ...(slice === "" ? {} : { slice }),
    ...healthOf(device),
  };
}

function checkedName(text: string): string {
  if (name.safeParse(text).success) return text;
  throw wrong(`"${text.slice(0, 80)}" cannot be the name of a data set`);
}

function checkedUrl(text: string): string {
  if (text === "" || (URL.canParse(text) && /^https?:\/\//.test(text))) return text;
  throw wrong("the host's HTTP address is not one");
}

function checkedKey(bytes: Uint8Array): Uint8Array {
  try {
    if (algorithmOf(bytes) === "ecdsa-p256-sha256") return bytes;
  } catch {
    throw wrong("the receipt key is not a public key");
  }
  throw wrong(
    "the receipt key is not an ECDSA P-256 key as 91 bytes of DER, its point uncompressed",
  );
}

function wrong(why: string): QuipuError {
  return new QuipuError("INVALID_ARGUMENT", `the agent's hello is refused: ${why}`, {
    next: "correct the agent's configuration and start it again",
  });
}
