/** Memory that callers pass, checked; and new memory, or a refusal where there is not enough. */
import { types } from "node:util";
import { QuipuError } from "../../base/errors.js";

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

/** So many bytes, or a copy. LIMIT_EXCEEDED where memory does not suffice. */
export function newBytes(from: number | Uint8Array): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(from as number);
  } catch (thrown) {
    const sizeBytes = typeof from === "number" ? from : from.byteLength;
    throw new QuipuError("LIMIT_EXCEEDED", `there is no memory for ${sizeBytes} bytes`, {
      next: "hash it in several parts",
      cause: thrown,
    });
  }
}
