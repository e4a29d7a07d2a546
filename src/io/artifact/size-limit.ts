/** How much a store takes, checked before each byte that it writes. */
import { QuipuError } from "../../base/errors.js";

export const artifactLimits = Object.freeze({
  /** Largest blob that is taken when the caller names no smaller limit. */
  blobBytesMax: 64 * 1024 ** 3,
  /** All blobs together, unless the store is opened with another limit. */
  storeBytesMax: 1024 ** 4,
  /** A download that stopped longer ago than this starts anew. */
  partialAgeMsMax: 7 * 24 * 3_600_000,
});

/** Throws LIMIT_EXCEEDED for a blob of this size. */
export type SizeLimit = (sizeBytes: number) => void;

export function sizeLimit(blobBytesMax: number, freeBytes: () => number): SizeLimit {
  return (sizeBytes) => {
    if (sizeBytes > blobBytesMax) throw tooLarge(`larger than ${blobBytesMax} bytes`, blobBytesMax);
    const free = freeBytes();
    if (sizeBytes > free) throw tooLarge(`more than the ${free} bytes left in this store`, free);
  };
}

function tooLarge(why: string, sizeBytesMax: number): QuipuError {
  return new QuipuError("LIMIT_EXCEEDED", `the artifact is ${why}`, {
    next: "remove artifacts that are no longer needed, or raise the limit",
    details: { sizeBytesMax },
  });
}
