/**
 * Checks one receipt bundle offline. Needs neither network nor addon; never throws for bad input:
 * the report names each check, and the first one that failed.
 */
import { type Digest, equalBytes } from "../../base/bytes.js";
import type { NamedDigest } from "../../model/artifact.js";
import type { Notice } from "../../model/notice.js";
import type { Statement } from "../../model/statement.js";
import { type Bundle, parseBundle } from "../receipt/bundle.js";
import { checkEnvelope, type Envelope, isEntryOf, receiptKeyId } from "../receipt/envelope.js";
import { noticeText, parsePayload, type Stated } from "../receipt/notice.js";
import { checkDecision } from "./decision.js";
import { allFields, checkExpectations, type Expectation, type Fields } from "./expect.js";
import { checkLog, type LogPlace } from "./in-log.js";
import { type Check, type CheckName, checkNames, failed, Steps } from "./steps.js";
import type { Trust } from "./trust.js";

export interface Report extends Partial<LogPlace> {
  readonly ok: boolean;
  readonly trust: Trust["source"];
  readonly checks: readonly Check[];
  /** The first check that failed. */
  readonly firstFailed?: Check;
  /** Present only when signature and statement hold. */
  readonly statement?: Statement;
  /** In place of it: what a coordinator stated. */
  readonly notice?: Notice;
  /** Or some fields of a receipt, and the digest that its log entry has. */
  readonly shown?: Shown;
}

export interface Shown {
  readonly receipt: Digest;
  readonly fields: Fields;
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
  const place = bundle && checkLog(steps, bundle, trust);
  if (statement) {
    if (decision) steps.run("decision", () => [true, checkDecision(statement, decision)]);
    if (outputs.length > 0) steps.run("outputs", () => checkOutputs(statement.subject, outputs));
    if (expected.length > 0) {
      steps.run("expected", () => [true, checkExpectations(allFields(statement), expected)]);
    }
  }
  const asked = askedChecks(trust, { decision, outputs, expected });
  return {
    ...steps.outcome(asked.filter((name) => name !== "fields")),
    trust: trust.source,
    ...stated,
    ...place,
  };
}

/** All but those that nobody wants. */
export function askedChecks(
  { policy }: Trust,
  { decision, outputs = [], expected = [] }: Questions,
): readonly CheckName[] {
  const skipped = new Set<CheckName>();
  if (policy === undefined) skipped.add("witnesses");
  if (decision === undefined) skipped.add("decision");
  if (outputs.length === 0) skipped.add("outputs");
  if (expected.length === 0) skipped.add("expected");
  return checkNames.filter((name) => !skipped.has(name));
}

/** A key and whose it is: one that both have speaks for both. */
export interface Signer {
  readonly publicKey: Uint8Array;
  readonly isHost: boolean;
  readonly isCoordinator: boolean;
  /** From this entry of the log on it counts for nothing; never, as far as it is known. */
  readonly revokedAt: number;
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

export function findSigner(
  { envelope, proof, logKeyId }: Bundle,
  trust: Trust,
): readonly [Signer, string] {
  const isSigner = (known: Uint8Array): boolean => receiptKeyId(known) === envelope.keyId;
  const [host, coordinator] = [trust.receiptKeys.find(isSigner), trust.noticeKeys.find(isSigner)];
  const publicKey = host ?? coordinator;
  if (publicKey !== undefined) {
    const revokedAt = revocationIndex(envelope.keyId, logKeyId, trust);
    const whose = { isHost: host !== undefined, isCoordinator: coordinator !== undefined };
    const signer = { publicKey, ...whose, revokedAt };
    if (proof.index < revokedAt) return [signer, `${envelope.keyId} (${trust.source})`];
    throw failed(
      `the signer's key was revoked at entry ${revokedAt}; this is entry ${proof.index}`,
    );
  }
  throw failed(`the signer's key ${envelope.keyId.slice(0, 64)} is not among the trusted ones`);
}

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

/** Each held file is an output by its name; others may not be here. */
export function checkOutputs(
  subject: Statement["subject"],
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
