/** A copy of bytes in a device's memory: uploaded once, hashed there as often as wanted. */
import { QuipuError } from "../../base/errors.js";
import { binding, type NativeDeviceBytes } from "./binding.js";
import { lendBytes, type OwnedBytes, ownBytes } from "./owned-bytes.js";
import { runWhole, type TaskOptions } from "./task.js";

/** For native calls; INVALID_ARGUMENT once the memory has been freed. */
export let deviceMemory: (device: DeviceBytes) => NativeDeviceBytes;

export class DeviceBytes {
  readonly length: number;
  #native: NativeDeviceBytes | undefined;

  static {
    deviceMemory = (device) => {
      if (device.#native !== undefined) return device.#native;
      throw new QuipuError("INVALID_ARGUMENT", "these bytes of a device have been freed", {
        next: "upload them again",
      });
    };
  }

  private constructor(native: NativeDeviceBytes, length: number) {
    this.#native = native;
    this.length = length;
  }

  /**
   * BACKEND_UNAVAILABLE without a device, DEVICE_MEMORY when it has no room. One transfer: a signal keeps
   * it from beginning and does not break it off, and progress is told once, at its end.
   */
  static async upload(
    data: Uint8Array | OwnedBytes,
    options: TaskOptions = {},
  ): Promise<DeviceBytes> {
    return lendBytes(ownBytes(data), async (bytes) => {
      const native = await runWhole(options, bytes.length, "an upload", () =>
        binding().deviceUpload(bytes),
      );
      return new DeviceBytes(native, bytes.length);
    });
  }

  /**
   * Gives the memory back, once running tasks are done with it; the driver may keep the calling thread
   * waiting for that long. Without it the collector does.
   */
  free(): void {
    if (this.#native !== undefined) binding().deviceFree(this.#native);
    this.#native = undefined;
  }
}
