/**
 * BLAKE3, SHA-256 and RFC 6962 Merkle roots at the speed of the machine.
 *
 * The plain functions run on the calling thread without a copy: up to `synchronousBytesMax` they
 * take well under a millisecond. The `…Async` ones run on the addon's threads; they borrow `data`,
 * which must not be written until the promise settles.
 */
import { toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { type Backend, type Blake3Mode, binding } from "./binding.js";

/** Above this an event loop should not wait: use the asynchronous call. */
export const synchronousBytesMax = 256 * 1024;

const digestBytes = 32;
/**
 * Where plain calls write. A fresh small array would first have to be given memory outside the
 * JavaScript heap, which takes longer than a small hash; its copy does not.
 */
const scratch = new Uint8Array(new ArrayBuffer(digestBytes));
/** Extendable output is meant for keys and streams of some kilobytes, not for files. */
const outputBytesMax = 1024 * 1024;

export interface HashOptions {
  readonly backend?: Backend;
}

export interface Blake3Options extends HashOptions {
  /** 32 bytes; makes it the keyed hash. */
  readonly key?: Uint8Array;
  /** Makes it derive-key: a globally unique, hard-coded text. Not together with `key`. */
  readonly context?: string;
  /** Bytes of output; 32 unless given. */
  readonly length?: number;
}

export function blake3(data: Uint8Array, options: Blake3Options = {}): Uint8Array {
  const out = options.length === undefined ? scratch : outputOf(options);
  binding().blake3(data, out, modeOf(options), options.backend);
  return out === scratch ? scratch.slice() : out;
}

export async function blake3Async(
  data: Uint8Array,
  options: Blake3Options = {},
): Promise<Uint8Array> {
  const out = outputOf(options);
  await binding().blake3Async(data, out, modeOf(options), options.backend);
  return out;
}

export function sha256(data: Uint8Array, options: HashOptions = {}): Uint8Array {
  binding().sha256(data, scratch, options.backend);
  return scratch.slice();
}

export async function sha256Async(
  data: Uint8Array,
  options: HashOptions = {},
): Promise<Uint8Array> {
  const out = new Uint8Array(digestBytes);
  await binding().sha256Async(data, out, options.backend);
  return out;
}

/** BLAKE3 of input that comes in pieces. `digest` may be called at any time and changes nothing. */
export class Blake3Hasher {
  readonly #native;
  readonly #length: number;

  constructor(options: Blake3Options = {}) {
    this.#length = outputOf(options).length;
    this.#native = new (binding().Blake3Hasher)(modeOf(options), options.backend);
  }

  update(data: Uint8Array): this {
    this.#native.update(data);
    return this;
  }

  digest(): Uint8Array {
    const out = new Uint8Array(this.#length);
    this.#native.digest(out);
    return out;
  }
}

/** SHA-256 of input that comes in pieces. `digest` may be called at any time and changes nothing. */
export class Sha256Hasher {
  readonly #native;

  constructor(options: HashOptions = {}) {
    this.#native = new (binding().Sha256Hasher)(options.backend);
  }

  update(data: Uint8Array): this {
    this.#native.update(data);
    return this;
  }

  digest(): Uint8Array {
    const out = new Uint8Array(digestBytes);
    this.#native.digest(out);
    return out;
  }
}

/** Root of the RFC 6962 tree over the leaves, in order. */
export function merkleRoot(leaves: readonly Uint8Array[], options: HashOptions = {}): Uint8Array {
  const out = new Uint8Array(digestBytes);
  const { data, ends } = joinLeaves(leaves);
  binding().merkleRoot(data, out, ends, options.backend);
  return out;
}

export async function merkleRootAsync(
  leaves: readonly Uint8Array[],
  options: HashOptions = {},
): Promise<Uint8Array> {
  const out = new Uint8Array(digestBytes);
  const { data, ends } = joinLeaves(leaves);
  await binding().merkleRootAsync(data, out, ends, options.backend);
  return out;
}

export interface FileDigests {
  readonly sizeBytes: number;
  /** 64 hexadecimal digits each. */
  readonly sha256: string;
  readonly blake3: string;
}

export interface HashFileOptions extends HashOptions {
  readonly signal?: AbortSignal;
  /** Two numbers shared with the addon: [0] cancels when not 0, [1] counts the bytes done. */
  readonly control?: BigInt64Array;
}

/**
 * Both digests from one read of a regular file. A link, pipe or device is DATA_INVALID; a file that
 * changes while it is read is DATA_CHANGED; an aborted call is CANCELLED.
 */
export async function hashFile(path: string, options: HashFileOptions = {}): Promise<FileDigests> {
  const control = options.control ?? new BigInt64Array(2);
  const cancel = (): void => {
    Atomics.store(control, 0, 1n);
  };
  if (options.signal?.aborted === true) cancel();
  options.signal?.addEventListener("abort", cancel, { once: true });
  try {
    const { sizeBytes, sha256, blake3 } = await binding().hashFile(path, control, options.backend);
    return { sizeBytes, sha256: toHex(sha256), blake3: toHex(blake3) };
  } finally {
    options.signal?.removeEventListener("abort", cancel);
  }
}

function outputOf({ length = digestBytes }: Blake3Options): Uint8Array {
  if (!Number.isInteger(length) || length < 1 || length > outputBytesMax) {
    throw new QuipuError("INVALID_ARGUMENT", `length must be 1 to ${outputBytesMax}: ${length}`);
  }
  return new Uint8Array(length);
}

function modeOf({ key, context }: Blake3Options): Blake3Mode {
  if (key !== undefined && context !== undefined) {
    throw new QuipuError("INVALID_ARGUMENT", "key and context exclude each other");
  }
  return key ?? context;
}

function joinLeaves(leaves: readonly Uint8Array[]): { data: Uint8Array; ends: BigUint64Array } {
  const ends = new BigUint64Array(leaves.length);
  let size = 0;
  leaves.forEach((leaf, i) => {
    size += leaf.length;
    ends[i] = BigInt(size);
  });
  const data = new Uint8Array(size);
  leaves.forEach((leaf, i) => {
    data.set(leaf, Number(ends[i]) - leaf.length);
  });
  return { data, ends };
}
