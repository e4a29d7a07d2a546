/**
 * Opens the leaves of a log with statements that somebody holds. A leaf is the hash of an entry, and the
 * entry names the digest of one signed statement, the signature and the key: so whoever holds the
 * statements need not be believed, and a leaf that none of them fits stays unknown.
 */
import { equalBytes } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { checkEnvelope, entryBytes, parseEnvelope } from "../receipt/envelope.js";
import { parsePayload, type Stated } from "../receipt/notice.js";
import { checkInclusion } from "../tlog/check.js";
import type { Checkpoint } from "../tlog/checkpoint.js";
import { Frontier } from "../tlog/frontier.js";
import { leafHash } from "../tlog/hash.js";
import type { LogReader } from "../tlog/reader.js";

export interface HeldStatement {
  /** The log's entry that it is said to be. */
  readonly index: number;
  readonly envelope: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** What is held of the entries from `first` on that have these leaves, in the log's order. */
export type HeldSource = (
  first: number,
  leaves: readonly Uint8Array[],
) => AsyncIterable<HeldStatement>;

export interface OpenedLeaf extends HeldStatement {
  readonly leaf: Uint8Array;
  readonly stated: Stated;
}

/** A statement that is held for an entry and is not the one that the log has there. */
export interface AlteredLeaf {
  readonly index: number;
  readonly fault: string;
}

const leavesPerRead = 4096;

/** A log up to a checkpoint, and what is held of it. */
export interface ReadLog {
  readonly reader: LogReader;
  readonly head: Checkpoint;
  readonly held: HeldSource;
  /** By which alone a coordinator states things, and hosts nothing. */
  readonly noticeKeys: readonly Uint8Array[];
}

/**
 * Reads every leaf up to the checkpoint. Ends with VERIFICATION_FAILED unless they are, all of them, the
 * leaves that the checkpoint was signed over; nothing that came before counts then.
 */
export async function* openLeaves({
  reader,
  head: { size, root },
  held,
  noticeKeys,
}: ReadLog): AsyncGenerator<OpenedLeaf | AlteredLeaf> {
  const frontier = new Frontier();
  let next = 0;
  for (let first = 0; first < size; first += leavesPerRead) {
    const end = Math.min(size, first + leavesPerRead);
    const leaves = await reader.leafHashes(first, end, size);
    for (const leaf of leaves) frontier.append(leaf);
    for await (const one of held(first, leaves)) {
      if (one.index < next || one.index >= end) {
        throw failed(`a statement is held for entry ${one.index}, where ${next} to ${end} are due`);
      }
      next = one.index + 1;
      yield openLeaf(one, leaves[one.index - first] as Uint8Array, noticeKeys);
    }
    next = end;
  }
  if (equalBytes(frontier.root(), root)) return;
  throw failed(`the log's ${size} leaves do not lead to the root that its checkpoint signs`);
}

export function openLeaf(
  held: HeldStatement,
  leaf: Uint8Array,
  noticeKeys: readonly Uint8Array[],
): OpenedLeaf | AlteredLeaf {
  try {
    const envelope = parseEnvelope(held.envelope);
    if (!equalBytes(leafHash(entryBytes(envelope, held.publicKey)), leaf)) {
      return { index: held.index, fault: "it is another statement than the log has there" };
    }
    checkEnvelope(envelope, held.publicKey);
    const stated = parsePayload(envelope.payload);
    const isCoordinator = noticeKeys.some((key) => equalBytes(key, held.publicKey));
    if ("notice" in stated === isCoordinator) return { ...held, leaf, stated };
    const fault = isCoordinator
      ? "a host's receipt, signed with a coordinator's key"
      : "a coordinator's statement, signed with a key that is none of a coordinator's";
    return { index: held.index, fault };
  } catch (thrown) {
    const { code, message } = QuipuError.from(thrown);
    if (code !== "VERIFICATION_FAILED" && code !== "INVALID_ARGUMENT") throw thrown;
    return { index: held.index, fault: message };
  }
}

/** Hashes that lead from the leaf to the checkpoint's root; VERIFICATION_FAILED if they do not. */
export async function proveLeaf(
  reader: LogReader,
  { size, root }: Checkpoint,
  { index, leaf }: Pick<OpenedLeaf, "index" | "leaf">,
): Promise<readonly Uint8Array[]> {
  const hashes = await reader.inclusion(index, size);
  if (checkInclusion({ index, size, leafHash: leaf, hashes, root })) return hashes;
  throw failed(`no proof leads from entry ${index} to the root that the checkpoint signs`);
}

function failed(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", why, {
    next: "check the log's address and key, and the log itself with `quipu log fsck`",
  });
}
