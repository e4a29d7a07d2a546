/**
 * Checks offline what a disclosure shows of a receipt that is not there: that the host which signed the
 * receipt has signed the tree of its fields too, that the receipt is in the log, and that each field shown
 * is a leaf of that tree.
 */
import { fromHex } from "../../base/bytes.js";
import { type Disclosure, fieldForms, fieldNames } from "../../model/disclosure.js";
import type { Statement } from "../../model/statement.js";
import type { Bundle } from "../receipt/bundle.js";
import { fieldLeaf, parseDisclosureStatement, saltBytes } from "../receipt/disclosure.js";
import { parseDisclosureFile, type ShownField } from "../receipt/disclosure-file.js";
import { checkEnvelope, isEntryOver } from "../receipt/envelope.js";
import { checkInclusion } from "../tlog/check.js";
import { leafHash } from "../tlog/hash.js";
import { checkExpectations, type Fields } from "./expect.js";
import { checkLog } from "./in-log.js";
import { askedChecks, checkOutputs, findSigner, type Questions, type Report } from "./receipt.js";
import { failed, Steps } from "./steps.js";
import type { Trust } from "./trust.js";

export function verifyDisclosure(
  fileBytes: Uint8Array,
  trust: Trust,
  { outputs = [], expected = [] }: Omit<Questions, "decision"> = {},
): Report {
  const steps = new Steps();
  const file = steps.run("bundle", () => {
    return [
      parseDisclosureFile(fileBytes),
      "a disclosure of a receipt with the receipt's log entry",
    ];
  });
  const bundle = file?.bundle;
  const publicKey = bundle && steps.run("key", () => findStandingKey(bundle, trust));
  const signed =
    bundle && publicKey && steps.run("signature", () => checkSignature(bundle, publicKey));
  const statement = bundle && signed && steps.run("statement", () => openPayload(bundle));
  if (bundle && publicKey && statement) {
    steps.run("entry", () => checkEntry(bundle, statement, publicKey));
  }
  const place = bundle && checkLog(steps, bundle, trust);
  const fields =
    file && statement && steps.run("fields", () => checkFields(file.fields, statement));
  if (fields) {
    if (outputs.length > 0) steps.run("outputs", () => checkShownOutputs(fields, outputs));
    if (expected.length > 0) {
      steps.run("expected", () => [true, checkExpectations(fields, expected)]);
    }
  }
  return {
    ...steps.outcome(askedChecks(trust, { outputs, expected })),
    trust: trust.source,
    ...(fields && statement && { shown: { receipt: receiptOf(statement), fields } }),
    ...place,
  };
}

/** No entry of the log says when a disclosure was signed, so that of a revoked key may be of any time. */
function findStandingKey(bundle: Bundle, trust: Trust): readonly [Uint8Array, string] {
  const [{ publicKey, isHost, revokedAt }, found] = findSigner(bundle, trust);
  if (!isHost) throw failed("the signer's key is a coordinator's, and none of a host's");
  if (revokedAt === Number.POSITIVE_INFINITY) return [publicKey, found];
  throw failed(
    `the signer's key was revoked at entry ${revokedAt}, and nothing shows that this was signed before`,
  );
}

function checkSignature({ envelope }: Bundle, publicKey: Uint8Array): readonly [true, string] {
  checkEnvelope(envelope, publicKey);
  return [true, "ECDSA P-256 over the envelope's pre-authentication encoding"];
}

function openPayload({ envelope }: Bundle): readonly [Disclosure, string] {
  const statement = parseDisclosureStatement(envelope.payload);
  return [statement, `a tree over the fields of receipt ${receiptOf(statement)}`];
}

function receiptOf({ subject }: Disclosure): `sha256:${string}` {
  return `sha256:${subject[0].digest.sha256}`;
}

function checkEntry(
  { entry }: Bundle,
  { subject }: Disclosure,
  publicKey: Uint8Array,
): readonly [true, string] {
  if (isEntryOver(entry, fromHex(subject[0].digest.sha256), publicKey)) {
    return [true, "the log entry is of that receipt, signed with the same key"];
  }
  throw failed("the log entry is of another receipt, or another key's");
}

function checkFields(
  shown: readonly ShownField[],
  { predicate }: Disclosure,
): readonly [Fields, string] {
  const [size, root] = [predicate.leaves, fromHex(predicate.root)];
  for (const field of shown) {
    const { name, value, salt, hashes } = field;
    if (salt.length !== saltBytes) throw failed(`the salt of ${name} has not ${saltBytes} bytes`);
    if (!fieldForms[name].safeParse(value).success) {
      throw failed(`${name} is not what this field of a receipt can be`);
    }
    const index = fieldNames.indexOf(name);
    if (!checkInclusion({ index, size, leafHash: leafHash(fieldLeaf(field)), hashes, root })) {
      throw failed(`${name} with this value and salt is no leaf of the signed tree`);
    }
  }
  const text = `${shown.length} of ${size} fields are shown, and nothing of the others`;
  return [new Map(shown.map(({ name, value }) => [name, value])), text];
}

function checkShownOutputs(
  fields: Fields,
  outputs: NonNullable<Questions["outputs"]>,
): readonly [true, string] {
  const subject = fields.get("subject") as Statement["subject"] | undefined;
  if (subject !== undefined) return checkOutputs(subject, outputs);
  throw failed("the disclosure does not show the run's outputs");
}
