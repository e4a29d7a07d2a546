/**
 * The only loader of the native addon, and the types of everything in it. Other files of this room
 * give it a friendly face; nothing outside this room sees these types.
 */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isErrorCode, QuipuError } from "../../base/errors.js";

/** Forces one implementation; without it `QUIPU_BACKEND`, then the fastest of this processor. */
export type Backend = "auto" | "portable" | "avx2" | "avx512" | "cuda";

/** What matrix products on tensor cores round their operands to: fast, and not canonical. */
export type Fast = "tf32" | "bf16";

/** Absent: plain hash. 32 bytes: keyed hash. Text: derive-key with this context. */
export type Blake3Mode = Uint8Array | string | undefined;

/**
 * Shared with a task: [0] other than 0 stops it with CANCELLED, [1] counts the bytes done. Read and
 * write it with `Atomics`.
 */
export type TaskControl = BigInt64Array;

export interface NativeHasher {
  update(data: Uint8Array): void;
  updateAsync(data: Uint8Array, control?: TaskControl): Promise<void>;
  digest(out: Uint8Array): void;
}

/** Messages in one array: message i ends at ends[i]; without `ends` all have the same size. */
type Packed = readonly [data: Uint8Array, count: number, ends: Float64Array | undefined];

interface NativeLeaves {
  append(...leaves: Packed): void;
  appendAsync(...leaves: readonly [...Packed, control: TaskControl]): Promise<void>;
  size(): number;
}

/** Digests come one after another in one array. */
export interface NativeMerkleTree extends NativeLeaves {
  root(size: number, out: Uint8Array): void;
  inclusionProof(index: number, size: number): Uint8Array;
  consistencyProof(from: number, to: number): Uint8Array;
  frontier(size: number): Uint8Array;
}

export interface NativeMerkleFrontier extends NativeLeaves {
  appendAsync(...leaves: readonly [...Packed, control: TaskControl]): Promise<void>;
  appendAsync(
    device: NativeDeviceBytes,
    count: number,
    ends: undefined,
    control: TaskControl,
  ): Promise<void>;
  root(out: Uint8Array): void;
  digests(): Uint8Array;
}

/** What deviceUpload gives; the addon knows its own by a type tag. */
export interface NativeDeviceBytes {
  readonly "native device bytes": never;
}

/** Something that is wrong with one of many. */
export interface NativeFailure {
  readonly index: number;
  readonly error: QuipuError;
}

/** Facts: device, inode, size, and times of modification and change in nanoseconds. Digests not asked for are empty. */
export interface NativeFileDigests {
  readonly facts: BigInt64Array;
  readonly sha256: Uint8Array;
  readonly blake3: Uint8Array;
}

export interface NativeCapabilities {
  readonly cpu: {
    readonly avx2: boolean;
    readonly avx512: boolean;
    readonly sha: boolean;
    readonly avx512Bf16: boolean;
    readonly avx512Vnni: boolean;
  };
  readonly threads: number;
  readonly backends: readonly Exclude<Backend, "auto">[];
  readonly cuda: {
    readonly compiled: boolean;
    readonly usable: boolean;
    readonly reason: string;
    readonly devices: readonly {
      readonly index: number;
      readonly name: string;
      readonly memoryBytes: number;
      readonly computeCapability: string;
    }[];
  };
}

/** A program with memory of its own for inputs and outputs. */
export interface NativeBoundProgram {
  readonly run: () => void;
  readonly backend: Exclude<Backend, "auto">;
  readonly inputs: readonly ArrayBuffer[];
  readonly outputs: readonly ArrayBuffer[];
}

/** What programOpen gives; the addon knows its own by a type tag. */
export interface NativeProgramHandle {
  readonly "native program": never;
}

export interface NativeGpuReadings {
  /** Why there are none; empty when there are some. */
  readonly reason: string;
  readonly driverVersion: string;
  readonly gpus: readonly {
    readonly index: number;
    readonly name: string;
    readonly uuid: string;
    readonly utilization: number;
    readonly memoryUsedBytes: number;
    readonly memoryTotalBytes: number;
    readonly temperatureCelsius: number;
    readonly powerWatts: number;
  }[];
}

/**
 * Everything the addon exports. Arrays passed to an `…Async` call are borrowed until it settles, so they
 * must be out of everybody else's reach: memory that is transferred away meanwhile may be freed.
 */
export interface NativeAddon {
  setErrorFactory(make: (code: string, message: string, next: string) => Error): void;
  capabilities(probeCuda: boolean): NativeCapabilities;
  readGpus(): NativeGpuReadings;
  bootMs(): number;
  sdNotify(socket: string, text: string): void;
  /** For memory that nobody has written yet. Advice: it never fails, and changes no byte. */
  adviseHugePages(bytes: Uint8Array): void;

  blake3(data: Uint8Array, out: Uint8Array, mode: Blake3Mode, backend?: Backend): void;
  blake3Async(
    data: Uint8Array,
    out: Uint8Array,
    mode: Blake3Mode,
    backend: Backend | undefined,
    control: TaskControl,
  ): Promise<void>;
  sha256(data: Uint8Array, out: Uint8Array, backend?: Backend): void;
  sha256Async(
    data: Uint8Array,
    out: Uint8Array,
    backend: Backend | undefined,
    control: TaskControl,
  ): Promise<void>;
  blake3Many(
    ...call: readonly [...Packed, out: Uint8Array, mode: Blake3Mode, backend?: Backend]
  ): void;
  blake3ManyAsync(
    ...call: readonly [
      ...Packed,
      out: Uint8Array,
      mode: Blake3Mode,
      backend: Backend | undefined,
      control: TaskControl,
    ]
  ): Promise<void>;
  sha256Many(...call: readonly [...Packed, out: Uint8Array, backend?: Backend]): void;
  sha256ManyAsync(
    ...call: readonly [
      ...Packed,
      out: Uint8Array,
      backend: Backend | undefined,
      control: TaskControl,
    ]
  ): Promise<void>;
  deviceUpload(data: Uint8Array): Promise<NativeDeviceBytes>;
  deviceFree(device: NativeDeviceBytes): void;
  blake3Device(
    device: NativeDeviceBytes,
    out: Uint8Array,
    mode: Blake3Mode,
    backend?: Backend,
  ): Promise<void>;
  Blake3Hasher: new (mode: Blake3Mode, backend?: Backend) => NativeHasher;
  Sha256Hasher: new (backend?: Backend) => NativeHasher;
  MerkleTree: new (backend?: Backend) => NativeMerkleTree;
  MerkleFrontier: new (
    size: number,
    digests: Uint8Array,
    backend?: Backend,
  ) => NativeMerkleFrontier;

  /** `algorithms`: 1 for SHA-256, 2 for BLAKE3, 3 for both. */
  hashFile(
    path: string | Uint8Array,
    algorithms: number,
    mode: Blake3Mode,
    lengthBytes: number,
    backend: Backend | undefined,
    control: TaskControl,
  ): Promise<NativeFileDigests>;
  /** Paths beneath the folder, each ended by a zero byte. Facts and digests come one file after another. */
  hashFiles(
    folder: string | Uint8Array,
    paths: Uint8Array,
    algorithms: number,
    backend: Backend | undefined,
    control: TaskControl,
  ): Promise<NativeFileDigests & { readonly failures: readonly NativeFailure[] }>;
  /** Kinds: 0 a file, 1 a link, 2 something special, 3 unreadable. */
  listFolder(
    folder: string | Uint8Array,
    entriesMax: number,
    depthMax: number,
    control: TaskControl,
  ): Promise<{
    paths: Uint8Array;
    kinds: Uint8Array;
    facts: BigInt64Array;
    failures: readonly NativeFailure[];
  }>;

  programOpen(bytes: Uint8Array, memoryBytesMax: number): NativeProgramHandle;
  programBind(program: NativeProgramHandle, backend?: Backend): NativeBoundProgram;
  programRun(
    program: NativeProgramHandle,
    inputs: readonly Uint8Array[],
    outputs: readonly Uint8Array[],
    backend: Backend,
    pieces: number,
    control: TaskControl,
    fast: Fast | undefined,
  ): Promise<Exclude<Backend, "auto">>;
  programRunNow(
    program: NativeProgramHandle,
    inputs: readonly Uint8Array[],
    outputs: readonly Uint8Array[],
    backend: Backend,
  ): void;
}

let loaded: NativeAddon | undefined;

/** Loads the addon at the first call; ADDON_MISSING when it is not built or does not load. */
export function binding(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  // Named: another build of it, under a sanitizer perhaps.
  const path = process.env.QUIPU_ADDON ?? join(packageRoot(), "build", "quipu.node");
  if (!existsSync(path)) {
    throw new QuipuError("ADDON_MISSING", `the native addon is not built: ${path} does not exist`, {
      next: "run `npm run setup`",
    });
  }
  let addon: NativeAddon;
  try {
    addon = createRequire(import.meta.url)(path) as NativeAddon;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new QuipuError("ADDON_MISSING", `the native addon does not load: ${why}`, {
      next: "build it for this machine with `npm run setup`",
      cause: thrown,
    });
  }
  addon.setErrorFactory((code, message, next) => {
    const known = isErrorCode(code) ? code : "INTERNAL";
    return new QuipuError(known, message, next === "" ? {} : { next });
  });
  return addon;
}

/** The nearest folder above this file that has a package.json: the checkout or the unpacked tarball. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const above = dirname(folder);
    if (above === folder) {
      throw new QuipuError("ADDON_MISSING", "no package.json above the compiled program", {
        next: "run it from a checkout or from an unpacked tarball",
      });
    }
    folder = above;
  }
  return folder;
}
