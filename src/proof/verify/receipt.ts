/**
 * Checks one receipt bundle offline. Needs neither network nor addon; never throws for bad input:
 * the report names each check, and the first one that failed.
 */
import { equalBytes, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import type { NamedDigest } from "../../model/artifact.js";
import type { Notice } from "../../model/notice.js";
import type { Statement } from "../../model/statement.js";
import { type Bundle, parseBundle } from "../receipt/bundle.js";
import { checkEnvelope, type Envelope, isEntryOf, receiptKeyId } from "../receipt/envelope.js";
import { noticeText, parsePayload, type Stated } from "../receipt/notice.js";
import { checkInclusion } from "../tlog/check.js";
import { type Checkpoint, openCheckpoint } from "../tlog/checkpoint.js";
import { leafHash } from "../tlog/hash.js";
import { parseNote, verifyNote } from "../tlog/note.js";
import { meetsQuorum, type TrustPolicy } from "../tlog/trust-policy.js";
import { fullKeyId, type VerifierKey } from "../tlog/verifier-key.js";
import { checkDecision } from "./decision.js";
import { checkExpectations, type Expectation } from "./expect.js";
import type { Trust } from "./trust.js";

export const checkNames = [
  "bundle",
  "key",
  "signature",
  "statement",
  "entry",
  "inclusion",
  "checkpoint",
  "witnesses",
  "decision",
  "outputs",
  "expected",
] as const;
export type CheckName = (typeof checkNames)[number];

export interface Check {
  readonly name: CheckName;
  readonly ok: boolean;
  /** What was found, or what is wrong. */
  readonly text: string;
}

export interface Report {
  readonly ok: boolean;
  readonly trust: Trust["source"];
  readonly checks: readonly Check[];
  /** The first check that failed. */
  readonly firstFailed?: Check;
  /** Present only when signature and statement hold. */
  readonly statement?: Statement;
  /** In place of it: what a coordinator stated. */
  readonly notice?: Notice;
  readonly keyId?: string;
  readonly logIndex?: number;
  readonly origin?: string;
  readonly treeSize?: number;
}

/** What is asked of a receipt besides that it holds. */
export interface Questions {
  /** The decision record that it should name. */
  readonly decision?: Uint8Array | undefined;
  /** Files that should be among its outputs. */
  readonly outputs?: readonly NamedDigest[];
  readonly expected?: readonly Expectation[];
}

export function verifyReceipt(
  bundleBytes: Uint8Array,
  trust: Trust,
  { decision, outputs = [], expected = [] }: Questions = {},
): Report {
  const steps = new Steps();
  const bundle = steps.run("bundle", () => {
    return [parseBundle(bundleBytes), "a Sigstore bundle v0.3 with one log entry"];
  });
  const signer = bundle && steps.run("key", () => findSigner(bundle, trust));
  const publicKey = signer?.publicKey;
  const signed =
    bundle &&
    publicKey &&
    steps.run("signature", () => {
      checkEnvelope(bundle.envelope, publicKey);
      return [true, "ECDSA P-256 over the envelope's pre-authentication encoding"];
    });
  const stated =
    bundle &&
    signed &&
    signer &&
    steps.run("statement", () => openPayload(bundle.envelope, signer));
  const statement = stated && "statement" in stated ? stated.statement : undefined;
  if (bundle && publicKey) steps.run("entry", () => checkEntry(bundle, publicKey));
  if (bundle) steps.run("inclusion", () => checkProof(bundle));
  const checkpoint = bundle && steps.run("checkpoint", () => checkHead(bundle, trust));
  const { policy } = trust;
  if (bundle && policy) steps.run("witnesses", () => checkWitnesses(bundle, policy));
  if (statement) {
    if (decision) steps.run("decision", () => [true, checkDecision(statement, decision)]);
    if (outputs.length > 0) steps.run("outputs", () => checkOutputs(statement, outputs));
    if (expected.length > 0) {
      steps.run("expected", () => [true, checkExpectations(statement, expected)]);
    }
  }
  const skipped = new Set<CheckName>();
  if (policy === undefined) skipped.add("witnesses");
  if (decision === undefined) skipped.add("decision");
  if (outputs.length === 0) skipped.add("outputs");
  if (expected.length === 0) skipped.add("expected");
  return {
    ...steps.outcome(checkNames.filter((name) => !skipped.has(name))),
    trust: trust.source,
    ...stated,
    ...(bundle && { keyId: bundle.envelope.keyId, logIndex: bundle.proof.index }),
    ...(checkpoint && { origin: checkpoint.origin, treeSize: checkpoint.size }),
  };
}

/** Runs each check at most once and keeps what it found. */
class Steps {
  readonly #checks = new Map<CheckName, Check>();

  run<Value>(name: CheckName, check: () => readonly [Value, string]): Value | undefined {
    try {
      const [value, text] = check();
      this.#checks.set(name, { name, ok: true, text });
      return value;
    } catch (thrown) {
      const { code, message } = QuipuError.from(thrown);
      if (code === "INTERNAL") throw thrown; // a fault of this program is not a verdict
      this.#checks.set(name, { name, ok: false, text: message });
      return undefined;
    }
  }

  outcome(asked: readonly CheckName[]): { ok: boolean; checks: Check[]; firstFailed?: Check } {
    const missing = "not reached, since an earlier check failed";
    const checks = asked.map(
      (name) => this.#checks.get(name) ?? { name, ok: false, text: missing },
    );
    const firstFailed = checks.find(({ ok }) => !ok);
    return firstFailed === undefined ? { ok: true, checks } : { ok: false, checks, firstFailed };
  }
}

/** A key and whose it is: one that both have speaks for both. */
interface Signer {
  readonly publicKey: Uint8Array;
  readonly isHost: boolean;
  readonly isCoordinator: boolean;
}

function openPayload(
  { payload }: Envelope,
  { isHost, isCoordinator }: Signer,
): readonly [Stated, string] {
  const stated = parsePayload(payload);
  if ("notice" in stated) {
    if (!isCoordinator) {
      throw failed("a coordinator's statement, signed with a key that is none of a coordinator's");
    }
    return [stated, noticeText(stated.notice)];
  }
  if (!isHost) throw failed("a host's receipt, signed with a key that is none of a host's");
  const { run, host } = stated.statement.predicate;
  const place = `${host.name} (${host.place.country}, ${host.place.grade})`;
  return [stated, `run ${run.id} of ${run.jobId} ${run.outcome} on ${place}`];
}

function findSigner(
  { envelope, proof, logKeyId }: Bundle,
  trust: Trust,
): readonly [Signer, string] {
  const isSigner = (known: Uint8Array): boolean => receiptKeyId(known) === envelope.keyId;
  const [host, coordinator] = [trust.receiptKeys.find(isSigner), trust.noticeKeys.find(isSigner)];
  const publicKey = host ?? coordinator;
  if (publicKey !== undefined) {
    const revokedAt = revocationIndex(envelope.keyId, logKeyId, trust);
    const signer = {
      publicKey,
      isHost: host !== undefined,
      isCoordinator: coordinator !== undefined,
    };
    if (proof.index < revokedAt) return [signer, `${envelope.keyId} (${trust.source})`];
    throw failed(
      `the signer's key was revoked at entry ${revokedAt}; this is entry ${proof.index}`,
    );
  }
  throw failed(`the signer's key ${envelope.keyId.slice(0, 64)} is not among the trusted ones`);
}

/** From which entry of the log on a key counts for nothing; never, as far as it is known. */
function revocationIndex(keyId: string, logKeyId: Uint8Array, trust: Trust): number {
  const { revocations = [], ...others } = trust;
  const indexes = revocations.map((bundle) => {
    const { firstFailed, notice, logIndex } = verifyReceipt(bundle, others);
    if (firstFailed !== undefined || logIndex === undefined) {
      const { name = "bundle", text = "it has no place in the log" } = firstFailed ?? {};
      throw failed(`a notice that revokes a key does not verify: ${name}: ${text}`);
    }
    const isOfKey =
      notice !== undefined &&
      "kind" in notice.predicate &&
      notice.predicate.kind === "key.revoke" &&
      notice.subject[0].digest.sha256 === keyId &&
      equalBytes(parseBundle(bundle).logKeyId, logKeyId);
    return isOfKey ? logIndex : Number.POSITIVE_INFINITY;
  });
  return Math.min(Number.POSITIVE_INFINITY, ...indexes);
}

function checkEntry(bundle: Bundle, publicKey: Uint8Array): readonly [true, string] {
  if (isEntryOf(bundle.entry, bundle.envelope, publicKey)) {
    return [true, "the log entry is over this envelope, signature and key"];
  }
  throw failed("the log entry is not the one of this envelope");
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

/** Each held file is an output by its name; others may not be here. */
function checkOutputs(
  { subject }: Statement,
  held: readonly NamedDigest[],
): readonly [true, string] {
  for (const { name, digest } of held) {
    const named = subject.find((one) => one.name === name && "annotations" in one);
    if (named === undefined) throw failed(`${name} is no output of this run`);
    const signed = `sha256:${named.digest.sha256}`;
    if (signed !== digest) throw failed(`${name} has ${digest}, and the receipt says ${signed}`);
  }
  const outputs = subject.filter((one) => "annotations" in one).length;
  return [true, `${held.length} of ${outputs} output files have the digests that were signed`];
}

function checkWitnesses({ proof }: Bundle, policy: TrustPolicy): readonly [true, string] {
  const { logs, witnesses } = policy;
  const note = parseNote(proof.checkpoint);
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

function failed(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", why);
}
