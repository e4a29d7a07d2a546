/** Which hash is meant, and how large a call may be before it must leave the event loop. */
import { QuipuError } from "../../base/errors.js";
import type { Backend, Blake3Mode } from "./binding.js";

export type HashAlgorithm = "blake3" | "sha256";

export interface HashOptions {
  /** `blake3` unless given. */
  readonly algorithm?: HashAlgorithm | undefined;
  /** 32 bytes; BLAKE3's keyed hash. */
  readonly key?: Uint8Array | undefined;
  /** BLAKE3's derive-key: a globally unique, hard-coded text. Not together with `key`. */
  readonly context?: string | undefined;
  /** Bytes of output, 32 unless given; more or fewer with BLAKE3 only. */
  readonly length?: number | undefined;
  /** Forces one implementation. */
  readonly backend?: Backend | undefined;
}

/**
 * Bytes up to which a plain call runs on the calling thread: under 0.2 ms with SHA-256, under 0.1 ms with
 * BLAKE3. Larger ones are refused with LIMIT_EXCEEDED, because they would hold up the event loop.
 */
export const synchronousBytesMax = 256 * 1024;

export const digestBytes = 32;
/** Extendable output is meant for keys and streams of some kilobytes, not for files. */
const outputBytesMax = 1024 * 1024;

/** BLAKE3's mode, or a refusal of options that do not go together. */
export function modeOf(options: HashOptions): Blake3Mode {
  const { algorithm = "blake3", key, context, length } = options;
  if (algorithm === "blake3") {
    if (key === undefined || context === undefined) return key ?? context;
    throw new QuipuError("INVALID_ARGUMENT", "key and context exclude each other");
  }
  if (algorithm !== "sha256") {
    throw new QuipuError("INVALID_ARGUMENT", `no such algorithm: ${String(algorithm)}`, {
      next: "use blake3 or sha256",
    });
  }
  if (key !== undefined || context !== undefined || (length ?? digestBytes) !== digestBytes) {
    throw new QuipuError("INVALID_ARGUMENT", "SHA-256 has no key, no context and 32 bytes", {
      next: "use blake3",
    });
  }
  return undefined;
}

export function lengthOf({ length = digestBytes }: HashOptions): number {
  if (Number.isInteger(length) && length >= 1 && length <= outputBytesMax) return length;
  throw new QuipuError("INVALID_ARGUMENT", `length must be 1 to ${outputBytesMax}: ${length}`);
}

/** `call` names the asynchronous way. What is no array at all is left for the addon to refuse. */
export function refuseLarge(data: { readonly byteLength: number } | null, call: string): void {
  const sizeBytes = data?.byteLength ?? 0;
  if (sizeBytes <= synchronousBytesMax) return;
  throw new QuipuError(
    "LIMIT_EXCEEDED",
    `${sizeBytes} bytes would hold up the event loop; at most ${synchronousBytesMax} are hashed at once`,
    { next: `await ${call} instead` },
  );
}
