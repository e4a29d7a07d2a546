/** A coordinator's own statements as canonical bytes, and back. */
import { type Digest, digestOf, hexOf } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import {
  type Act,
  actType,
  type JobEnd,
  jobEndType,
  type Notice,
  notice,
} from "../../model/notice.js";
import { type Statement, statementType } from "../../model/statement.js";
import { checkRules, parseCanonical } from "./statement.js";

export function jobEndNotice(predicate: JobEnd["predicate"]): JobEnd {
  const sha256 = hexOf(predicate.job.digest);
  return {
    _type: statementType,
    subject: [{ name: "job", digest: { sha256 } }],
    predicateType: jobEndType,
    predicate,
  };
}

/** `subject`: what it is about, and the digest of what it made so; without one, that of its details. */
export function actNotice(
  predicate: Act["predicate"],
  subject: { readonly name: string; readonly digest?: Digest | undefined },
): Act {
  const digest = subject.digest ?? digestOf(canonicalBytes(predicate.details));
  return {
    _type: statementType,
    subject: [{ name: subject.name, digest: { sha256: hexOf(digest) } }],
    predicateType: actType,
    predicate,
  };
}

/** Canonical bytes of one that keeps its rules; else VERIFICATION_FAILED. */
export function noticeBytes(value: Notice): Uint8Array {
  checkNotice(value);
  return canonicalBytes(value);
}

/** What a host or a coordinator has signed, of whichever type. */
export type Stated = { readonly statement: Statement } | { readonly notice: Notice };

export function parsePayload(payload: Uint8Array): Stated {
  const value = parseCanonical(payload);
  const { predicateType } = Object(value) as { readonly predicateType?: unknown };
  const isNotice = predicateType === jobEndType || predicateType === actType;
  return isNotice ? { notice: checkNotice(value) } : { statement: checkRules(value) };
}

function checkNotice(value: unknown): Notice {
  const shape = notice.safeParse(value);
  const fault = shape.success ? brokenRule(shape.data) : shape.error.issues[0];
  if (fault === undefined) return value as Notice;
  const path = "path" in fault ? `${fault.path.join(".")}: ` : "";
  throw new QuipuError(
    "VERIFICATION_FAILED",
    `not a coordinator's statement: ${path}${fault.message}`,
  );
}

function brokenRule({ subject: [first], predicate }: Notice): { message: string } | undefined {
  if (!("job" in predicate) || `sha256:${first.digest.sha256}` === predicate.job.digest) {
    return undefined;
  }
  return { message: "its subject is not its job" };
}

/** One line for people. */
export function noticeText({ predicate }: Notice): string {
  if ("job" in predicate)
    return `job ${predicate.job.id} ${predicate.outcome} without a run's receipt`;
  return `${predicate.kind} at ${predicate.at}`;
}
