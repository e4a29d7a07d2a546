/** One array, or many messages, through BLAKE3 or SHA-256. */
import { QuipuError } from "../../base/errors.js";
import { binding } from "./binding.js";
import { DeviceBytes, deviceMemory } from "./device-bytes.js";
import {
  digestBytes,
  type HashOptions,
  lengthOf,
  modeOf,
  modeOfMany,
  refuseLarge,
  synchronousBytesMax,
} from "./hash-options.js";
import { allocate, checkBytes } from "./memory.js";
import { type MessageList, type OwnedMessages, own, packSmall } from "./messages.js";
import { lendBytes, OwnedBytes, ownBytes } from "./owned-bytes.js";
import { runTask, runWhole, type TaskOptions } from "./task.js";

/**
 * Where plain calls write. A fresh small array would first have to be given memory outside the
 * JavaScript heap, which takes longer than a small hash; its copy does not.
 */
const scratch = new Uint8Array(new ArrayBuffer(digestBytes));

/**
 * Digest of `data`, read where it lies; up to `synchronousBytesMax` bytes. Shared and transferred memory
 * is refused.
 */
export function hash(data: Uint8Array, options: HashOptions = {}): Uint8Array {
  refuseLarge(data, "hashAsync");
  const mode = modeOf(options);
  if (options.algorithm === "sha256") {
    binding().sha256(data, scratch, options.backend);
    return scratch.slice();
  }
  const out = options.length === undefined ? scratch : new Uint8Array(lengthOf(options));
  binding().blake3(data, out, mode, options.backend);
  return out === scratch ? scratch.slice() : out;
}

/**
 * Digest of any number of bytes, off the event loop. The array is copied first, also out of shared
 * memory; `OwnedBytes` are not. Up to `synchronousBytesMax` it is hashed at once.
 *
 * `DeviceBytes` are hashed where they lie, by the backend `cuda` and no other. A signal keeps that from
 * beginning and does not break it off; progress is told once, at its end.
 */
export async function hashAsync(
  data: Uint8Array | OwnedBytes | DeviceBytes,
  options: HashOptions & TaskOptions = {},
): Promise<Uint8Array> {
  if (data instanceof DeviceBytes) return hashOnDevice(data, options);
  if (!(data instanceof OwnedBytes)) {
    checkBytes(data, "data");
    if (isSmall(data)) {
      return runWhole(options, data.byteLength, "hashing", () => hash(data, options));
    }
  }
  const mode = modeOf(options);
  const out = new Uint8Array(lengthOf(options));
  const { algorithm, backend } = options;
  await lendBytes(ownBytes(data), (bytes) =>
    runTask(options, bytes.length, "hashing", async (control) => {
      const addon = binding();
      if (algorithm === "sha256") await addon.sha256Async(bytes, out, backend, control);
      else await addon.blake3Async(bytes, out, mode, backend, control);
    }),
  );
  return out;
}

async function hashOnDevice(
  data: DeviceBytes,
  options: HashOptions & TaskOptions,
): Promise<Uint8Array> {
  const { algorithm, backend = "cuda" } = options;
  const mode = modeOf(options);
  if (algorithm === "sha256") {
    throw new QuipuError(
      "INVALID_ARGUMENT",
      "one SHA-256 is a single chain, which no device speeds",
      { next: "use blake3, or hash the bytes on the host" },
    );
  }
  if (backend !== "cuda" && backend !== "auto") {
    throw new QuipuError("INVALID_ARGUMENT", `${backend} cannot read bytes of a device`, {
      next: "leave the backend out, or hash the bytes on the host",
    });
  }
  const out = new Uint8Array(lengthOf(options));
  const memory = deviceMemory(data);
  await runWhole(options, data.length, "hashing on a device", () =>
    binding().blake3Device(memory, out, mode, "cuda"),
  );
  return out;
}

function isSmall(data: Uint8Array): boolean {
  return data.byteLength <= synchronousBytesMax && data.buffer instanceof ArrayBuffer;
}

/**
 * Digests of many messages, 32 bytes each, one after another: several times faster than one by one where
 * messages are short. Up to `synchronousBytesMax` bytes in all, of which each message counts 64 more than
 * it has.
 */
export function hashMany(messages: MessageList, options: HashOptions = {}): Uint8Array {
  const mode = modeOfMany(options);
  const { data, count, ends } = packSmall(messages, "hashManyAsync");
  const out = new Uint8Array(count * digestBytes);
  const { algorithm, backend } = options;
  if (algorithm === "sha256") binding().sha256Many(data, count, ends, out, backend);
  else binding().blake3Many(data, count, ends, out, mode, backend);
  return out;
}

/** The same of any number of bytes, off the event loop. */
export async function hashManyAsync(
  messages: MessageList | OwnedMessages,
  options: HashOptions & TaskOptions = {},
): Promise<Uint8Array> {
  const mode = modeOfMany(options);
  const { owned, count, ends } = own(messages);
  const out = new Uint8Array(allocate(count * digestBytes));
  const { algorithm, backend } = options;
  await lendBytes(owned, (data) =>
    runTask(options, data.length, "hashing", async (control) => {
      const addon = binding();
      if (algorithm === "sha256") {
        await addon.sha256ManyAsync(data, count, ends, out, backend, control);
      } else {
        await addon.blake3ManyAsync(data, count, ends, out, mode, backend, control);
      }
    }),
  );
  return out;
}
