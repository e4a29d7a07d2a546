/**
 * Proof that a log forked: two checkpoints that it signed and that no one tree can have. Anyone who knows
 * the log's key can check it, and needs nobody's word. Of different sizes, a path shows what root the newer
 * tree really had at the older size; of one size, two roots say it all.
 */
import { equalBytes, fromBase64, toBase64, toHex } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { parseStrictJson } from "../../base/strict-json.js";
import { consistencyRoots } from "./check.js";
import { openCheckpoint } from "./checkpoint.js";
import { hashBytes } from "./hash.js";
import { noteBytesMax } from "./note.js";
import { proofHashesMax } from "./proof-file.js";
import type { VerifierKey } from "./verifier-key.js";

export interface ForkProof {
  /** The signed note of the smaller size; of two equal ones either. */
  readonly older: string;
  readonly newer: string;
  /** A consistency path whose first hash is never left out; empty for two of one size. */
  readonly path: readonly Uint8Array[];
}

const version = "quipu.dev/fork-proof/v1";
export const forkBytesMax = 4 * noteBytesMax;

export function forkBytes({ older, newer, path }: ForkProof): Uint8Array {
  return canonicalBytes({ version, older, newer, path: path.map(toBase64) });
}

export function parseFork(bytes: Uint8Array): ForkProof {
  const value = parseStrictJson(bytes, "fork proof", forkBytesMax) as Record<
    string,
    unknown
  > | null;
  const { version: found, older, newer, path, ...rest } = value ?? {};
  if (found !== version || Object.keys(rest).length > 0) throw refuse("it has other fields");
  if (typeof older !== "string" || typeof newer !== "string" || !Array.isArray(path)) {
    throw refuse("older, newer or path is missing");
  }
  if (path.length > proofHashesMax + 1) throw refuse("its path is too long");
  const hashes = path.map((text) => {
    const hash = typeof text === "string" ? fromBase64(text) : new Uint8Array();
    if (hash.length !== hashBytes) throw refuse("a hash is not 32 bytes");
    return hash;
  });
  return { older, newer, path: hashes };
}

/** What is proved, as a sentence; else VERIFICATION_FAILED. */
export function checkFork({ older, newer, path }: ForkProof, keys: readonly VerifierKey[]): string {
  const old = openCheckpoint(older, keys);
  const young = openCheckpoint(newer, keys);
  if (old.origin !== young.origin) throw refuse("the checkpoints are of two logs");
  const said = `${old.origin} signed root ${toHex(old.root)} for size ${old.size}`;
  if (old.size === young.size) {
    if (path.length > 0) throw refuse("a path between two checkpoints of one size");
    if (equalBytes(old.root, young.root)) throw refuse("both checkpoints say the same");
    return `${said}, and root ${toHex(young.root)} as well`;
  }
  const roots = consistencyRoots(old.size, young.size, path);
  if (roots === undefined) throw refuse("its path does not lead from one size to the other");
  if (!equalBytes(roots.new, young.root)) throw refuse("its path does not lead to the newer root");
  if (equalBytes(roots.old, old.root)) throw refuse("the newer tree holds the older one");
  return `${said}, but the tree that it signed for size ${young.size} had ${toHex(roots.old)} there`;
}

function refuse(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `no proof of a fork: ${why}`);
}
