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

/** Absent: plain hash. 32 bytes: keyed hash. Text: derive-key with this context. */
export type Blake3Mode = Uint8Array | string | undefined;

export interface NativeBlake3Hasher {
  update(data: Uint8Array): void;
  digest(out: Uint8Array): void;
}

export interface NativeSha256Hasher {
  update(data: Uint8Array): void;
  digest(out: Uint8Array): void;
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

/** Everything the addon exports. Buffers passed to an `…Async` call are lent until it settles. */
export interface NativeAddon {
  setErrorFactory(make: (code: string, message: string, next: string) => Error): void;
  capabilities(probeCuda: boolean): NativeCapabilities;
  readGpus(): NativeGpuReadings;
  sdNotify(socket: string, text: string): void;

  blake3(data: Uint8Array, out: Uint8Array, mode: Blake3Mode, backend?: Backend): void;
  blake3Async(
    data: Uint8Array,
    out: Uint8Array,
    mode: Blake3Mode,
    backend?: Backend,
  ): Promise<void>;
  sha256(data: Uint8Array, out: Uint8Array, backend?: Backend): void;
  sha256Async(data: Uint8Array, out: Uint8Array, backend?: Backend): Promise<void>;
  merkleRoot(data: Uint8Array, out: Uint8Array, ends: BigUint64Array, backend?: Backend): void;
  merkleRootAsync(
    data: Uint8Array,
    out: Uint8Array,
    ends: BigUint64Array,
    backend?: Backend,
  ): Promise<void>;
  Blake3Hasher: new (mode: Blake3Mode, backend?: Backend) => NativeBlake3Hasher;
  Sha256Hasher: new (backend?: Backend) => NativeSha256Hasher;
  hashFile(
    path: string,
    control: BigInt64Array,
    backend?: Backend,
  ): Promise<{ sizeBytes: number; sha256: Uint8Array; blake3: Uint8Array }>;

  programOpen(bytes: Uint8Array, memoryBytesMax: number): NativeProgramHandle;
  programRun(
    program: NativeProgramHandle,
    inputs: readonly Uint8Array[],
    outputs: readonly Uint8Array[],
    backend: Backend,
    pieces: number,
  ): Promise<Exclude<Backend, "auto">>;
}

let loaded: NativeAddon | undefined;

/** Loads the addon at the first call; ADDON_MISSING when it is not built or does not load. */
export function binding(): NativeAddon {
  loaded ??= load();
  return loaded;
}

function load(): NativeAddon {
  const path = join(packageRoot(), "build", "quipu.node");
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
