/** All outputs of a run in one file, into whose bytes native code writes them. */
import { OwnedBytes } from "../native/hashing.js";
import type { TensorPort } from "../tensor/compile.js";
import { safetensorsFile } from "./safetensors.js";
import type { Into } from "./session.js";
import { portBytes, type Tensor, tensorOver } from "./tensor.js";

export const outputFileName = "outputs.safetensors";

export class OutputFile {
  readonly #ports: readonly TensorPort[];
  readonly #offsets: ReadonlyMap<string, number>;
  readonly #owned: OwnedBytes;

  constructor(ports: readonly TensorPort[]) {
    const { bytes, offsets } = safetensorsFile(ports);
    this.#ports = ports;
    this.#offsets = offsets;
    this.#owned = OwnedBytes.take(bytes);
  }

  /** For a session's run, which may be done more than once. */
  get rooms(): ReadonlyMap<string, Into> {
    const owned = this.#owned;
    return new Map([...this.#offsets].map(([name, offset]) => [name, { owned, offset }]));
  }

  /** The whole file, for digests of it. */
  get owned(): OwnedBytes {
    return this.#owned;
  }

  /** The file and the tensors in it; nobody writes to it any more. */
  release(): {
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly tensors: ReadonlyMap<string, Tensor>;
  } {
    const bytes = this.#owned.release();
    const tensors = this.#ports.map((port) => {
      const at = this.#offsets.get(port.name) as number;
      return [port.name, tensorOver(port, bytes.subarray(at, at + portBytes(port)))] as const;
    });
    return { bytes, tensors: new Map(tensors) };
  }
}
