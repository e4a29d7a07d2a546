/**
 * What is handed out instead of a receipt: its disclosure statement, the proof that the receipt is in the
 * log, and some of its fields, each with salt and audit path. One file of canonical JSON; of fields that are
 * not in it, it has neither the salt nor a hash that the value alone would give.
 */
import { fromBase64, toBase64 } from "../../base/bytes.js";
import { canonicalBytes } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { parseStrictJson } from "../../base/strict-json.js";
import { type FieldName, fieldGroups, fieldNames, isFieldName } from "../../model/disclosure.js";
import { type Bundle, bundleBytesMax, bundleFromJson, bundleJson } from "./bundle.js";
import { fieldTree, type OpenReceipt, type SaltedField } from "./disclosure.js";

export const disclosureMediaType = "application/vnd.quipu.disclosure.v1+json";
export const disclosureSuffix = ".disclosure.json";
/** More than the way from a leaf of this tree to its root. */
const pathHashesMax = 16;

export interface ShownField extends SaltedField {
  /** From the leaf's sibling up to the root's child. */
  readonly hashes: readonly Uint8Array[];
}

export interface DisclosureFile {
  /** Envelope of the disclosure; entry and proof of the receipt. */
  readonly bundle: Bundle;
  /** In the order of the tree. */
  readonly fields: readonly ShownField[];
}

/** Fields by their names and their groups' names; INVALID_ARGUMENT for others and for none. */
export function askedFields(asked: readonly string[]): ReadonlySet<FieldName> {
  const names = asked.flatMap((name) => {
    if (isFieldName(name)) return [name];
    if (Object.hasOwn(fieldGroups, name)) return fieldGroups[name] ?? [];
    throw new QuipuError("INVALID_ARGUMENT", `a receipt has no field "${name.slice(0, 80)}"`, {
      next: `name ${Object.keys(fieldGroups).join(", ")}, or a field that \`quipu receipt fields\` lists`,
    });
  });
  if (names.length === 0) {
    throw new QuipuError("INVALID_ARGUMENT", "no field was named, so there is nothing to show");
  }
  const fields = new Set(names);
  // The digest in the log has no salt. With both of these known, a small field left could be found by trying.
  if (!fields.has("run.id") || !fields.has("runDetails.byproducts")) return fields;
  throw new QuipuError(
    "INVALID_ARGUMENT",
    "run.id and runDetails.byproducts are not shown together: they are what keeps the rest from being guessed",
    { next: "leave one of them out, or hand out the receipt itself" },
  );
}

/** The file, from a receipt with its seed. */
export async function disclosureFile(
  bundle: Bundle,
  { statement }: OpenReceipt,
  seed: Uint8Array,
  shown: ReadonlySet<FieldName>,
): Promise<Uint8Array> {
  const { fields, tree } = fieldTree(statement, seed);
  const some = fields.flatMap((field, index) => (shown.has(field.name) ? [{ field, index }] : []));
  const paths = some.map(async ({ field, index }) => {
    return { ...field, hashes: await tree.inclusion(index) };
  });
  return fileBytes({ bundle, fields: await Promise.all(paths) });
}

function fileBytes({ bundle, fields }: DisclosureFile): Uint8Array {
  return canonicalBytes({
    ...bundleJson(bundle, disclosureMediaType),
    fields: fields.map(({ name, value, salt, hashes }) => ({
      name,
      value,
      salt: toBase64(salt),
      hashes: hashes.map(toBase64),
    })),
  });
}

/** Whether bytes are meant as one, right or wrong. */
export function isDisclosureFile(bytes: Uint8Array): boolean {
  try {
    const value = parseStrictJson(bytes, "disclosure", bundleBytesMax);
    return Object(value).mediaType === disclosureMediaType;
  } catch {
    return false;
  }
}

/** Takes out the values, builds the file anew from them, and demands the very same bytes. */
export function parseDisclosureFile(bytes: Uint8Array): DisclosureFile {
  const value = parseStrictJson(bytes, "disclosure", bundleBytesMax);
  const { fields, ...rest } = Object(value) as { readonly fields?: unknown };
  if (!Array.isArray(fields) || fields.length === 0 || fields.length > fieldNames.length) {
    throw refuse(`it shows none, or more than the ${fieldNames.length} fields that there are`);
  }
  const file = {
    bundle: bundleFromJson(rest, disclosureMediaType),
    fields: fields.map(shownField),
  };
  if (!isInOrder(file.fields)) throw refuse("a field stands twice, or not in its order");
  if (Buffer.compare(fileBytes(file), bytes) === 0) return file;
  throw refuse("it is not canonical JSON, or has something that is unknown");
}

function shownField(given: unknown): ShownField {
  const { name, value, salt, hashes } = Object(given) as Readonly<Record<string, unknown>>;
  if (typeof name !== "string" || !isFieldName(name)) {
    throw refuse(`"${String(name).slice(0, 80)}" is no field of a receipt`);
  }
  if (!Array.isArray(hashes) || hashes.length > pathHashesMax || value === undefined) {
    throw refuse(`${name} has no value, no path, or one that is too long`);
  }
  return { name, value, salt: decode(salt), hashes: hashes.map(decode) };
}

function isInOrder(fields: readonly ShownField[]): boolean {
  const places = fields.map(({ name }) => fieldNames.indexOf(name));
  return places.every((place, i) => i === 0 || place > (places[i - 1] as number));
}

function decode(text: unknown): Uint8Array {
  try {
    if (typeof text === "string") return fromBase64(text);
  } catch {
    // said below
  }
  throw refuse("a salt or hash is not canonical base64");
}

function refuse(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `not an acceptable disclosure: ${why}`);
}
