/** A copy of bytes in a device's memory: uploaded once, hashed there as often as wanted. */
import { QuipuError } from "../../base/errors.js";
import { binding, type NativeDeviceBytes } from "./binding.js";
import { OwnedBytes } from "./owned-bytes.js";

export class DeviceBytes {
  readonly length: number;
  #native: NativeDeviceBytes | undefined;

  private constructor(native: NativeDeviceBytes, length: number) {
    this.#native = native;
    this.length = length;
  }

  /** BACKEND_UNAVAILABLE without a device, DEVICE_MEMORY when it has no room. */
  static async upload(data: Uint8Array | OwnedBytes): Promise<DeviceBytes> {
    const owned = data instanceof OwnedBytes ? data : OwnedBytes.copyOf(data);
    const native = await owned.lend((bytes) => binding().deviceUpload(bytes));
    return new DeviceBytes(native, owned.length);
  }

  get native(): NativeDeviceBytes {
    if (this.#native !== undefined) return this.#native;
    throw new QuipuError("INVALID_ARGUMENT", "these bytes of a device have been freed");
  }

  /** Gives the memory back, once running tasks are done with it. Without it the collector does. */
  free(): void {
    if (this.#native !== undefined) binding().deviceFree(this.#native);
    this.#native = undefined;
  }
}
