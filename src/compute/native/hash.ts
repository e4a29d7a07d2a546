/** One array, or many messages, through BLAKE3 or SHA-256. */
import { QuipuError } from "../../base/errors.js";
import { binding } from "./binding.js";
import { DeviceBytes } from "./device-bytes.js";
import {
  digestBytes,
  type HashOptions,
  lengthOf,
  modeOf,
  refuseLarge,
  synchronousBytesMax,
} from "./hash-options.js";
import { byteCount, type MessageList, type OwnedMessages, own, pack } from "./messages.js";
import { OwnedBytes } from "./owned-bytes.js";
import { runTask, type TaskOptions } from "./task.js";

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
 * memory; `OwnedBytes` are not. Up to `synchronousBytesMax` it is hashed at once. `DeviceBytes` are hashed
 * where they lie, by the backend `cuda`.
 */
export async function hashAsync(
  data: Uint8Array | OwnedBytes | DeviceBytes,
  options: HashOptions & TaskOptions = {},
): Promise<Uint8Array> {
  if (data instanceof DeviceBytes) return hashOnDevice(data, options);
  if (!(data instanceof OwnedBytes) && isSmall(data)) {
    return runTask(options, data.byteLength, "hashing", async () => hash(data, options));
  }
  const mode = modeOf(options);
  const out = new Uint8Array(lengthOf(options));
  const owned = data instanceof OwnedBytes ? data : OwnedBytes.copyOf(data);
  const { algorithm, backend } = options;
  await owned.lend((bytes) =>
    runTask(options, bytes.length, "hashing", async (control) => {
      const addon = binding();
      if (algorithm === "sha256") await addon.sha256Async(bytes, out, backend, control);
      else await addon.blake3Async(bytes, out, mode, backend, control);
    }),
  );
  return out;
}

async function hashOnDevice(data: DeviceBytes, options: HashOptions): Promise<Uint8Array> {
  if (options.algorithm === "sha256") {
    throw new QuipuError(
      "INVALID_ARGUMENT",
      "one SHA-256 is a single chain, which no device speeds",
      {
        next: "use blake3, or hash the bytes on the host",
      },
    );
  }
  const out = new Uint8Array(lengthOf(options));
  await binding().blake3Device(data.native, out, modeOf(options), options.backend);
  return out;
}

function isSmall(data: Uint8Array): boolean {
  return data.byteLength <= synchronousBytesMax && data.buffer instanceof ArrayBuffer;
}

/**
 * Digests of many messages, 32 bytes each, one after another: several times faster than one by one where
 * messages are short. Up to `synchronousBytesMax` bytes in all.
 */
export function hashMany(messages: MessageList, options: HashOptions = {}): Uint8Array {
  refuseLarge({ byteLength: byteCount(messages) }, "hashManyAsync");
  const { data, count, ends } = pack(messages);
  const mode = modeOf({ ...options, length: digestBytes });
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
  const mode = modeOf({ ...options, length: digestBytes });
  const { owned, count, ends } = own(messages);
  const out = new Uint8Array(count * digestBytes);
  const { algorithm, backend } = options;
  await owned.lend((data) =>
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
