/**
 * What a witness decides (C2SP tlog-witness, add-checkpoint): it cosigns a log's checkpoint if and only if
 * the log's key signed it and its tree holds the one that was cosigned last. Pure: whoever calls keeps the
 * newest checkpoint, durably and one request at a time, before the answer leaves.
 */
import { equalBytes, fromBase64, toBase64 } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { checkConsistency } from "./check.js";
import { type Checkpoint, parseCheckpointText } from "./checkpoint.js";
import { checkFork, type ForkProof } from "./fork.js";
import { hashBytes } from "./hash.js";
import { noteBytesMax, parseNote, type SignedNote, verifyNote } from "./note.js";
import type { VerifierKey } from "./verifier-key.js";

export interface CheckpointRequest {
  /** Size of the newest checkpoint that the witness is believed to have; 0: none. */
  readonly oldSize: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note. */
  readonly checkpoint: string;
}

const hashesMax = 63;
export const requestBytesMax = noteBytesMax + 8 * 1024;

export function formatRequest({ oldSize, hashes, checkpoint }: CheckpointRequest): string {
  return `${[`old ${oldSize}`, ...hashes.map(toBase64)].join("\n")}\n\n${checkpoint}`;
}

/** INVALID_ARGUMENT for every other text. */
export function parseRequest(text: string): CheckpointRequest {
  const split = text.indexOf("\n\n");
  if (split < 0 || text.length > requestBytesMax) throw malformed("no blank line where it must be");
  const [first = "", ...lines] = text.slice(0, split).split("\n");
  const oldSize = Number(/^old (0|[1-9][0-9]{0,15})$/.exec(first)?.[1]);
  if (!Number.isSafeInteger(oldSize)) throw malformed('the first line is not "old" and a size');
  if (lines.length > hashesMax) throw malformed(`more than ${hashesMax} hashes`);
  const hashes = lines.map((line) => {
    const hash = /^[A-Za-z0-9+/]{43}=$/.test(line) ? fromBase64(line) : new Uint8Array();
    if (hash.length !== hashBytes) throw malformed("a hash is not 32 bytes in base64");
    return hash;
  });
  return { oldSize, hashes, checkpoint: text.slice(split + 2) };
}

/** A request whose checkpoint a known log has signed. */
export interface SignedRequest extends CheckpointRequest {
  readonly head: Checkpoint;
  /** What the log signed, and what the witness signs. */
  readonly text: string;
}

/**
 * Throws INVALID_ARGUMENT for what is no checkpoint, NOT_FOUND for a log that is not known, and
 * PERMISSION_DENIED where none of its keys has signed.
 */
export function openRequest(
  request: CheckpointRequest,
  logs: readonly VerifierKey[],
): SignedRequest {
  const { note, head } = readNote(request.checkpoint);
  const keys = logs.filter(({ name }) => name === head.origin);
  if (keys.length === 0) {
    const text = `${head.origin.slice(0, 200)} is no log of this witness`;
    throw new QuipuError("NOT_FOUND", text, { next: "ask its operator to add the log's key" });
  }
  if (!isSignedByOne(note, keys)) {
    const text = `the checkpoint is not signed by a key that is known of ${head.origin}`;
    throw new QuipuError("PERMISSION_DENIED", text, {
      next: "ask the witness's operator to take the log's new key, if it has one",
    });
  }
  if (request.oldSize > head.size) {
    throw malformed(`the old size ${request.oldSize} is above the checkpoint's ${head.size}`);
  }
  return { ...request, head, text: note.text };
}

/** `newest` as it was cosigned; `cosign` says yes. A proof of a fork comes with whatever shows one. */
export type WitnessVerdict =
  | { readonly kind: "cosign" }
  | { readonly kind: "conflict"; readonly size: number; readonly fork?: ForkProof }
  | { readonly kind: "inconsistent"; readonly fork?: ForkProof };

/** `newest`: the signed note that was cosigned last for this log, if any was. */
export function judgeRequest(
  request: SignedRequest,
  newest: string | undefined,
  logs: readonly VerifierKey[],
): WitnessVerdict {
  const { head, oldSize, hashes } = request;
  const known = newest === undefined ? undefined : readNote(newest).head;
  const size = known?.size ?? 0;
  if (known?.size === head.size && !equalBytes(known.root, head.root)) {
    return { kind: "conflict", size, ...forkOf(request, newest, [], logs) };
  }
  if (oldSize !== size) return { kind: "conflict", size };
  if (known === undefined || size === 0) {
    return { kind: hashes.length === 0 ? "cosign" : "inconsistent" };
  }
  const [oldRoot, newRoot] = [known.root, head.root];
  const isPrefix = checkConsistency({ oldSize, newSize: head.size, oldRoot, newRoot, hashes });
  if (isPrefix) return { kind: "cosign" };
  return { kind: "inconsistent", ...forkOf(request, newest, hashes, logs) };
}

/**
 * A proof that holds by itself, if the request happens to bring one. From a whole subtree a consistency
 * proof leaves out the first hash, which is the older root that the newer tree really had; so it brings none.
 */
function forkOf(
  { checkpoint: newer, head }: SignedRequest,
  older: string | undefined,
  path: readonly Uint8Array[],
  logs: readonly VerifierKey[],
): { readonly fork?: ForkProof } {
  if (older === undefined) return {};
  const fork = { older, newer, path };
  try {
    // Of this log alone: a signature that is wrong under another's key would spoil the proof.
    checkFork(
      fork,
      logs.filter(({ name }) => name === head.origin),
    );
    return { fork };
  } catch {
    return {};
  }
}

function readNote(text: string): { readonly note: SignedNote; readonly head: Checkpoint } {
  try {
    const note = parseNote(text);
    return { note, head: parseCheckpointText(note.text) };
  } catch (thrown) {
    throw malformed(QuipuError.from(thrown).message);
  }
}

function isSignedByOne(note: SignedNote, keys: readonly VerifierKey[]): boolean {
  try {
    return verifyNote(note, keys).length > 0;
  } catch {
    return false;
  }
}

function malformed(why: string): QuipuError {
  return new QuipuError("INVALID_ARGUMENT", `not an add-checkpoint request: ${why}`, {
    next: "send old size, consistency proof, an empty line and the checkpoint (C2SP tlog-witness)",
  });
}
