/** Which hash is meant, and how large a call may be before it must leave the event loop. */
import { QuipuError } from "../../base/errors.js";
import type { Backend, Blake3Mode } from "./binding.js";
import { checkBytes } from "./memory.js";

export type HashAlgorithm = "blake3" | "sha256";

export interface HashOptions {
  /** `blake3` unless given. */
  readonly algorithm?: HashAlgorithm | undefined;
  /** 32 bytes; BLAKE3's keyed hash. */
  readonly key?: Uint8Array | undefined;
  /** BLAKE3's derive-key: a globally unique, hard-coded text. Not together with `key`. */
  readonly context?: string | undefined;
  /** Bytes of output, 32 unless given; more or fewer with BLAKE3 of one message only. */
  readonly length?: number | undefined;
  /** Forces one implementation. */
  readonly backend?: Backend | undefined;
}

/**
 * Bytes up to which a plain call runs on the calling thread: under 0.2 ms with SHA-256, under 0.1 ms with
 * BLAKE3. Larger ones are refused with LIMIT_EXCEEDED, because they would hold up the event loop. Of many
 * messages each counts 64 bytes more than it has.
 */
export const synchronousBytesMax = 256 * 1024;
/** What a message costs even when it is empty, in bytes of a long one: one block. */
const messageCostBytes = 64;

export const digestBytes = 32;
/** Extendable output is meant for keys and streams of some kilobytes, not for files. */
export const outputBytesMax = 1024 * 1024;

/** BLAKE3's mode, or a refusal of options that do not go together. */
export function modeOf(options: HashOptions): Blake3Mode {
  const { algorithm = "blake3", key, context, length } = options;
  checkAlgorithm(algorithm);
  if (algorithm === "sha256") {
    if (key === undefined && context === undefined && (length ?? digestBytes) === digestBytes) {
      return undefined;
    }
    throw new QuipuError("INVALID_ARGUMENT", "SHA-256 has no key, no context and 32 bytes", {
      next: "use blake3",
    });
  }
  if (key !== undefined) {
    if (context === undefined) return checkedKey(key);
    throw new QuipuError("INVALID_ARGUMENT", "key and context exclude each other", {
      next: "give one of them",
    });
  }
  if (context === undefined || typeof context === "string") return context;
  throw new QuipuError("INVALID_ARGUMENT", `context must be a string, not ${typeof context}`);
}

/** The same for many messages, whose digests have one length. */
export function modeOfMany(options: HashOptions): Blake3Mode {
  if ((options.length ?? digestBytes) === digestBytes) return modeOf(options);
  throw new QuipuError(
    "INVALID_ARGUMENT",
    `digests of many messages have ${digestBytes} bytes each, not ${options.length}`,
    { next: "hash one by one for other lengths" },
  );
}

export function checkAlgorithm(algorithm: unknown): asserts algorithm is HashAlgorithm {
  if (algorithm === "blake3" || algorithm === "sha256") return;
  throw new QuipuError("INVALID_ARGUMENT", `no such algorithm: ${String(algorithm)}`, {
    next: "use blake3 or sha256",
  });
}

function checkedKey(key: Uint8Array): Uint8Array {
  checkBytes(key, "key");
  if (key.byteLength === 32) return key;
  throw new QuipuError("INVALID_ARGUMENT", `a key has 32 bytes, not ${key.byteLength}`, {
    next: "derive one of 32 bytes with `context`",
  });
}

export function lengthOf({ length = digestBytes }: HashOptions): number {
  if (Number.isInteger(length) && length >= 1 && length <= outputBytesMax) return length;
  throw new QuipuError("INVALID_ARGUMENT", `length must be 1 to ${outputBytesMax}: ${length}`);
}

/** `call` names the asynchronous way. */
export function refuseLarge(data: Uint8Array, call: string): void {
  if (data?.byteLength > 0 && data.byteLength <= synchronousBytesMax) return;
  checkBytes(data, "data"); // empty, it may be all that is left of memory that is elsewhere
  if (data.byteLength === 0) return;
  throw tooLarge(`${data.byteLength} bytes`, call);
}

export function refuseMany(
  { sizeBytes, count }: { readonly sizeBytes: number; readonly count: number },
  call: string,
): void {
  if (sizeBytes + messageCostBytes * count <= synchronousBytesMax) return;
  throw tooLarge(
    `${count} messages with ${sizeBytes} bytes and ${messageCostBytes} for each`,
    call,
  );
}

function tooLarge(what: string, call: string): QuipuError {
  return new QuipuError(
    "LIMIT_EXCEEDED",
    `${what} would hold up the event loop; at most ${synchronousBytesMax} bytes are hashed at once`,
    { next: `await ${call} instead` },
  );
}
