/**
 * Follows a log as a monitor does: from the checkpoint that was believed last to the one that the log shows
 * now. What does not grow from it is a fork, and the log's own tiles prove it.
 */
import { equalBytes } from "../../base/bytes.js";
import { checkConsistency } from "./check.js";
import { openCheckpoint } from "./checkpoint.js";
import { checkFork, type ForkProof } from "./fork.js";
import { joinPeaks } from "./hash.js";
import type { LogReader } from "./reader.js";
import type { VerifierKey } from "./verifier-key.js";

export type Following =
  /** `size` entries, of which `added` are new. */
  | { readonly kind: "grown"; readonly size: number; readonly added: number }
  /** A smaller one than was seen before, of the same tree: an old copy, or a log that was set back. */
  | { readonly kind: "behind"; readonly size: number }
  | { readonly kind: "forked"; readonly proof: ForkProof };

/** `known` and `shown` are signed notes; the reader reads what the log serves now. */
export async function followLog(
  reader: LogReader,
  known: string | undefined,
  shown: string,
  keys: readonly VerifierKey[],
): Promise<Following> {
  const now = openCheckpoint(shown, keys);
  if (known === undefined) return { kind: "grown", size: now.size, added: now.size };
  const before = openCheckpoint(known, keys);
  const isOlder = now.size < before.size;
  const [older, newer] = isOlder ? [now, before] : [before, now];
  if (older.size === newer.size ? equalBytes(older.root, newer.root) : older.size === 0) {
    return following(before.size, now.size);
  }
  const hashes = await pathOf(reader, older.size, newer.size, isOlder);
  if (hashes === undefined) return { kind: "behind", size: now.size };
  const [oldSize, newSize, oldRoot, newRoot] = [older.size, newer.size, older.root, newer.root];
  if (checkConsistency({ oldSize, newSize, oldRoot, newRoot, hashes })) {
    return following(before.size, now.size);
  }
  const proof = {
    ...(isOlder ? { older: shown, newer: known } : { older: known, newer: shown }),
    path: oldSize === newSize ? [] : await fullPath(reader, oldSize, newSize, hashes),
  };
  checkFork(proof, keys);
  return { kind: "forked", proof };
}

/** Undefined where the log is behind, and serves no tiles any more that reach to the newer size. */
async function pathOf(reader: LogReader, oldSize: number, newSize: number, isBehind: boolean) {
  try {
    return await reader.consistency(oldSize, newSize);
  } catch (thrown) {
    if (isBehind) return undefined;
    throw thrown;
  }
}

function following(before: number, now: number): Following {
  return now < before
    ? { kind: "behind", size: now }
    : { kind: "grown", size: now, added: now - before };
}

/** With the first hash, which a proof leaves out where the older tree is one whole subtree. */
async function fullPath(
  reader: LogReader,
  oldSize: number,
  newSize: number,
  hashes: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const peaks = await reader.peaks(oldSize, newSize);
  return peaks.length === 1 ? [joinPeaks(peaks), ...hashes] : hashes;
}
