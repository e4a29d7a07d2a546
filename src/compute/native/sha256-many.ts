/**
 * SHA-256 of many messages in one call on the calling thread, however many they are: a log's writer hashes
 * megabytes at once with it, a millisecond or two where one by one it would be ten.
 */
import { QuipuError } from "../../base/errors.js";
import { binding } from "./binding.js";
import { digestBytes } from "./hash-options.js";

/** Message i ends at `ends[i]`; without `ends` all are equally long. 32 bytes each, in order. */
function sha256Many(data: Uint8Array, count: number, ends?: Float64Array): Uint8Array {
  const out = new Uint8Array(count * digestBytes);
  if (count > 0) binding().sha256Many(data, count, ends, out);
  return out;
}

/** Undefined where the addon is not built. */
export function nativeSha256Many(): typeof sha256Many | undefined {
  try {
    binding();
    return sha256Many;
  } catch (thrown) {
    if (QuipuError.from(thrown).code === "ADDON_MISSING") return undefined;
    throw thrown;
  }
}
