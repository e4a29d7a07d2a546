/**
 * What lets a receipt's fields be shown one by one: a hash tree over all of them, each with a salt of its
 * own, whose root the host signs beside the receipt. All salts come from one secret seed, so that some of
 * them tell nothing of the others. Frozen: the leaf, the salts and the statement.
 */
import { derivedBytes, equalBytes, sha256, toBase64, toHex } from "../../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { Signer } from "../../base/signature.js";
import {
  type Disclosure,
  disclosure as disclosureSchema,
  disclosureType,
  type FieldName,
  fieldNames,
} from "../../model/disclosure.js";
import { computeRunType, type Statement, statementType } from "../../model/statement.js";
import type { HashMany } from "../tlog/hash.js";
import { type SmallTree, smallTree } from "../tlog/small-tree.js";
import {
  checkEnvelope,
  type Envelope,
  parseEnvelope,
  preAuthEncoding,
  sealPayload,
} from "./envelope.js";
import { parseCanonical } from "./statement.js";

/** What a host makes; a shorter one could be guessed and is refused. */
export const seedBytes = 32;
const seedBytesMin = 16;
const seedBytesMax = 64;
export const saltBytes = 16;

/** What travels and is kept beside a receipt. */
export interface SealedDisclosure {
  /** DSSE envelope of the disclosure statement. */
  readonly envelope: Uint8Array;
  /** Secret: with it every field can be guessed. */
  readonly seed: Uint8Array;
}

/** A receipt as its parts. */
export interface OpenReceipt {
  readonly envelope: Envelope;
  readonly statement: Statement;
}

export function sealDisclosure(
  receipt: OpenReceipt,
  seed: Uint8Array,
  signer: Signer,
  hashMany?: HashMany,
): SealedDisclosure {
  return { envelope: sealPayload(disclosureBytes(receipt, seed, hashMany), signer), seed };
}

/** Throws VERIFICATION_FAILED unless it is made of this very receipt and seed, by the same key. */
export function checkDisclosure(
  { envelope, seed }: SealedDisclosure,
  receipt: OpenReceipt,
  publicKey: Uint8Array,
  hashMany?: HashMany,
): void {
  if (seed.length < seedBytesMin || seed.length > seedBytesMax) {
    throw refuse(`its seed has ${seed.length} bytes, not ${seedBytesMin} to ${seedBytesMax}`);
  }
  const opened = parseEnvelope(envelope);
  checkEnvelope(opened, publicKey);
  if (equalBytes(opened.payload, disclosureBytes(receipt, seed, hashMany))) return;
  throw refuse("it is not the one of its receipt and seed");
}

function disclosureBytes(
  { envelope, statement }: OpenReceipt,
  seed: Uint8Array,
  hashMany?: HashMany,
): Uint8Array {
  const sha256Hex = toHex(sha256(preAuthEncoding(envelope.payload)));
  const { root } = fieldTree(statement, seed, hashMany).tree;
  const value: Disclosure = {
    _type: statementType,
    subject: [{ name: "receipt", digest: { sha256: sha256Hex } }],
    predicateType: disclosureType,
    predicate: { statementType: computeRunType, leaves: fieldNames.length, root: toHex(root) },
  };
  return canonicalBytes(value);
}

export function parseDisclosureStatement(payload: Uint8Array): Disclosure {
  const shape = disclosureSchema.safeParse(parseCanonical(payload));
  if (shape.success) return shape.data;
  const [issue] = shape.error.issues;
  throw refuse(`${issue?.path.join(".")}: ${issue?.message}`);
}

/** A field with the salt that its leaf is made with. */
export interface SaltedField {
  readonly name: FieldName;
  /** Null where the receipt has no such field. */
  readonly value: unknown;
  readonly salt: Uint8Array;
}

export function fieldTree(
  statement: Statement,
  seed: Uint8Array,
  hashMany?: HashMany,
): { readonly fields: readonly SaltedField[]; readonly tree: SmallTree } {
  const salts = derivedBytes(seed, disclosureType, saltBytes * fieldNames.length);
  const fields = fieldNames.map((name, i) => ({
    name,
    value: fieldOf(statement, name),
    salt: salts.slice(i * saltBytes, (i + 1) * saltBytes),
  }));
  return { fields, tree: smallTree(fields.map(fieldLeaf), hashMany) };
}

/** Canonical JSON of three values: neither base64 nor a name has anything that it would escape. */
export function fieldLeaf({ name, value, salt }: SaltedField): Uint8Array {
  return Buffer.from(`["${toBase64(salt)}","${name}",${canonicalJson(value)}]`); // half of what a TextEncoder takes
}

const steps = new Map(fieldNames.map((name) => [name, name.split(".")]));

/** Null where the receipt does not say it. */
export function fieldOf({ subject, predicate }: Statement, name: FieldName): unknown {
  if (name === "subject") return subject;
  let at: unknown = predicate;
  for (const step of steps.get(name) ?? []) {
    at = (at as Readonly<Record<string, unknown>> | undefined)?.[step];
  }
  return at ?? null;
}

function refuse(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `not an acceptable disclosure: ${why}`);
}
