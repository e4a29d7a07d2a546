/** Whether a bundle's entry is in a log that is believed. */
import { equalBytes, toHex } from "../../base/bytes.js";
import type { Bundle } from "../receipt/bundle.js";
import { checkInclusion } from "../tlog/check.js";
import { type Checkpoint, openCheckpoint } from "../tlog/checkpoint.js";
import { leafHash } from "../tlog/hash.js";
import { parseNote, verifyNote } from "../tlog/note.js";
import { meetsQuorum, type TrustPolicy } from "../tlog/trust-policy.js";
import { fullKeyId, type VerifierKey } from "../tlog/verifier-key.js";
import { failed, type Steps } from "./steps.js";
import type { Trust } from "./trust.js";

export interface LogPlace {
  readonly keyId: string;
  readonly logIndex: number;
  /** Of the checkpoint, where it holds. */
  readonly origin?: string;
  readonly treeSize?: number;
}

export function checkLog(steps: Steps, bundle: Bundle, trust: Trust): LogPlace {
  const { envelope, proof } = bundle;
  const { policy } = trust;
  steps.run("inclusion", () => checkProof(bundle));
  const head = steps.run("checkpoint", () => checkHead(bundle, trust));
  if (policy) steps.run("witnesses", () => checkWitnesses(proof.checkpoint, policy));
  const place = { keyId: envelope.keyId, logIndex: proof.index };
  return head === undefined ? place : { ...place, origin: head.origin, treeSize: head.size };
}

function checkProof({ entry, proof }: Bundle): readonly [true, string] {
  if (checkInclusion({ ...proof, leafHash: leafHash(entry) })) {
    return [true, `entry ${proof.index} of ${proof.size}`];
  }
  throw failed(`the inclusion proof does not lead from entry ${proof.index} to the root`);
}

function checkHead({ proof, logKeyId }: Bundle, trust: Trust): readonly [Checkpoint, string] {
  const keys = trust.logKeys.filter((key) => equalBytes(fullKeyId(key), logKeyId));
  if (keys.length === 0) {
    throw failed(`the log's key ${toHex(logKeyId).slice(0, 64)} is not among the trusted ones`);
  }
  const head = openCheckpoint(proof.checkpoint, keys);
  if (head.size !== proof.size || !equalBytes(head.root, proof.root)) {
    throw failed("the checkpoint signs another size or root than the inclusion proof has");
  }
  return [head, `${head.origin} at size ${head.size} (${trust.source})`];
}

export function checkWitnesses(checkpoint: string, policy: TrustPolicy): readonly [true, string] {
  const { logs, witnesses } = policy;
  const note = parseNote(checkpoint);
  if (logs.length > 0 && verifyNote(note, keysOf(logs)).length === 0) {
    throw failed("the checkpoint's log is not one that the trust policy names");
  }
  const signers = verifyNote(note, keysOf(witnesses));
  const texts = signers.map(({ key, timeS = 0 }) => {
    return `${key.name} at ${momentOf(timeS)}`;
  });
  const found = texts.length === 0 ? "nobody cosigned it" : `cosigned by ${texts.join(", ")}`;
  const cosigners = signers.map(({ key }) => key);
  if (meetsQuorum(policy, cosigners)) return [true, found];
  throw failed(`the quorum of the trust policy is not met: ${found}`);
}

/** A witness may say any second; those that a Date cannot hold are told as they are. */
function momentOf(timeS: number): string {
  const moment = new Date(timeS * 1000);
  return Number.isNaN(moment.getTime()) ? `${timeS} s after 1970` : moment.toISOString();
}

function keysOf(known: readonly { readonly key: VerifierKey }[]): readonly VerifierKey[] {
  return known.map(({ key }) => key);
}
