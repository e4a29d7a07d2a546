/** Memory that callers pass, checked; and new memory, or a refusal where there is not enough. */
import { types } from "node:util";
import { QuipuError } from "../../base/errors.js";
import { binding } from "./binding.js";

/**
 * INVALID_ARGUMENT for all but a Uint8Array that is still there. Shared memory is let through: where it is
 * not copied the addon refuses it.
 */
export function checkBytes(
  value: unknown,
  name: string,
  index?: number,
): asserts value is Uint8Array {
  if (types.isUint8Array(value) && (value.byteLength > 0 || isThere(value))) return;
  const named = index === undefined ? name : `${name} ${index}`;
  if (types.isUint8Array(value)) {
    throw new QuipuError("INVALID_ARGUMENT", `${named} is memory that was transferred away`, {
      next: "hash it where it went, or before it goes",
    });
  }
  throw new QuipuError("INVALID_ARGUMENT", `${named} must be a Uint8Array, not ${kindOf(value)}`, {
    next: "pass a Uint8Array, such as Buffer.from(text) or new Uint8Array(buffer)",
  });
}

/** An empty array may be all that is left of one whose memory is elsewhere. */
function isThere(empty: Uint8Array): boolean {
  try {
    return new Uint8Array(empty).length === 0;
  } catch {
    return false;
  }
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const name: unknown = Object(value).constructor?.name;
  return typeof name === "string" && name !== "" ? name : typeof value;
}

/** From here on asking for huge pages costs less than they save. */
const largeBytesMin = 2 ** 22;

/** So many zeros. LIMIT_EXCEEDED where this machine, or JavaScript itself, has no memory of that size. */
export function allocate(sizeBytes: number): ArrayBuffer {
  return take(sizeBytes, () => new Uint8Array(new ArrayBuffer(sizeBytes))).buffer;
}

/** A copy, with the same error. */
export function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { byteLength } = bytes;
  if (byteLength < largeBytesMin) return take(byteLength, () => new Uint8Array(bytes));
  // Nobody sees what was there before: all of it is written here.
  const copy = take(byteLength, () => new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer));
  copy.set(bytes);
  return copy;
}

/**
 * Large memory comes in huge pages where the system has them: handed out page by page it costs more
 * than most of what is done with it.
 */
function take(sizeBytes: number, make: () => Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let memory: Uint8Array<ArrayBuffer>;
  try {
    memory = make();
  } catch (cause) {
    throw new QuipuError("LIMIT_EXCEEDED", `this host cannot give ${sizeBytes} bytes of memory`, {
      next: "use smaller parts or a larger host",
      cause,
    });
  }
  if (sizeBytes >= largeBytesMin) binding().adviseHugePages(memory);
  return memory;
}
