/** Statements that someone might sign: many that break a rule, which a verifier must refuse, and some that keep all. */
import { canonicalBytes } from "../src/base/canonical-json.js";
import { newSigner } from "../src/io/identity/signer.js";
import { pemOf } from "../src/proof/receipt/bundle.js";
import { envelopeJson, preAuthEncoding, receiptKeyId } from "../src/proof/receipt/envelope.js";
import { parsePayload } from "../src/proof/receipt/notice.js";
import { golden, text } from "./golden-receipt.js";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What could stand in a place instead. */
export type Change = (at: Json, path: string) => Json[];

/** Every copy of a document in which one place was changed by `change`. */
function* variants(value: Json, change: Change, path = ""): Generator<[string, Json]> {
  for (const other of change(value, path)) yield [path, other];
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    for (const [where, other] of variants(member, change, `${path}/${key}`)) {
      const copy = (Array.isArray(value) ? [...value] : { ...value }) as { [key: string]: Json };
      copy[key] = other;
      yield [where, copy];
    }
  }
}

const changes: readonly Change[] = [
  // a value of another type in each place
  (at) => (typeof at === "object" ? ["text"] : [[at]]),
  // a field that nobody knows in each object
  (at) =>
    typeof at === "object" && at !== null && !Array.isArray(at) ? [{ ...at, unknown: 1 }] : [],
  // each field left out
  (at) =>
    typeof at === "object" && at !== null && !Array.isArray(at)
      ? Object.keys(at)
          .filter((gone) => !["clock", "priceBookDigest"].includes(gone)) // may be absent
          .map((gone) => Object.fromEntries(Object.entries(at).filter(([key]) => key !== gone)))
      : [],
  // numbers that are not whole, or not in range
  (at, path) => {
    const below = path.endsWith("/offsetMs") ? -(2 ** 53) : -1;
    return typeof at === "number" ? [0.5, below, 2 ** 60] : [];
  },
  // meters and privacy as digits where they must not be, or badly
  (at, path) => {
    if (/usage\/\w+$/.test(path)) return ["1", "9007199254740991", `0${2n ** 60n}`, "1".repeat(40)];
    if (path !== "/predicate") return [];
    const spent = { mechanism: "gaussian", epsilon: "0.5", delta: "0.00001" };
    return [{ epsilon: "0.50" }, { epsilon: ".5" }, { delta: "1e-5" }, { delta: "-1" }].map(
      (wrong) => ({ ...(at as object), privacy: { ...spent, ...wrong } }),
    );
  },
];
/** Texts around every limit of length, and of every alphabet. */
export const otherTexts: Change = (at, path) => {
  if (typeof at !== "string" || path.includes("/job/")) return [];
  const lengths = [0, 63, 64, 65, 256, 1025, 2001];
  const words = [
    "Ü",
    "a-",
    "2026-02-30T00:00:00Z",
    "2026-02-28T00:00Z",
    "none",
    "\u0000",
    "\u{1f9f6}".repeat(32),
    "\u{1f9f6}".repeat(33),
    "٢٠٢٦-02-28T00:00:00.000Z",
    `${at} `,
  ];
  return [...lengths.map((length) => "a".repeat(length)), ...words];
};

/** Fields that golden statements lack, right and wrong. */
export const otherFields: Change = (at, path) => {
  const object = at as { [key: string]: never };
  const evidence = { type: "tpm", grade: "provider-attested", digest: { sha256: "e5".repeat(32) } };
  if (path === "/predicate/host/place") {
    const untils = [
      "2026-11-24T00:00:00Z",
      "2026-02-30T00:00:00Z",
      "2026-11-24T00:00:00.123456Z",
      `2026-11-24T00:00:00.${"0".repeat(43)}Z`,
      `2026-11-24T00:00:00.${"0".repeat(44)}Z`,
      "0000-02-29T00:00Z",
      "2026-11-24T24:00:00Z",
      "2026-11-24T23:59:60Z",
      "٢٠٢٦-11-24T00:00:00Z",
      "2026-11-24",
      "x",
    ];
    return [
      { ...object, operator: "a".repeat(63) },
      ...untils.map((gradeUntil) => ({ ...object, gradeUntil })),
    ];
  }
  if (path === "/predicate/host/evidence")
    return [[evidence], Array(16).fill(evidence), Array(17).fill(evidence)];
  if (path === "/predicate/execution/devices")
    return [[], Array(64).fill("cpu"), Array(65).fill("cpu")];
  if (path === "/predicate") {
    const spent = { mechanism: "gaussian", epsilon: "0.5", delta: "0.00001" };
    return [
      { ...object, privacy: spent },
      { ...object, privacy: { ...spent, epsilon: "01" } },
    ];
  }
  return path.startsWith("/predicate/usage/")
    ? [`${2n ** 60n}`, `${2n ** 53n}`, 0, 2 ** 53 - 1, "many"]
    : [];
};

/** Changes of a statement that are about its shape, each with the place that was changed. */
export function* changedStatements(
  payload: Uint8Array,
  own: readonly Change[] = [],
): Generator<[string, Uint8Array]> {
  const statement = JSON.parse(new TextDecoder().decode(payload)) as Json;
  for (const change of [...changes, ...own]) {
    for (const [path, changed] of variants(statement, change))
      yield [path, canonicalBytes(changed)];
  }
}

/** Payloads that are wrong as a whole, or against a rule across fields. */
export function brokenPayloads(payload: string): Readonly<Record<string, string>> {
  return {
    "not canonical": ` ${payload}`,
    "a doubled key": payload.replace('"epoch":2', '"epoch":1,"epoch":2'),
    "another order": payload.replace(/^\{/, '{"z":0,'),
    "too deep": "[".repeat(100_000) + "]".repeat(100_000),
    "too long": JSON.stringify("x".repeat(2 ** 20)),
    "not JSON": "{",
    "something after the end": `${payload}\u0000`,
    "a job that is not the digest's": payload.replace('"owner":"lab"', '"owner":"law"'),
    "another host's agent": payload.replace("agent/sg-1", "agent/sg-2"),
    "success with a failure": payload.replace(
      '"outcome":"succeeded"',
      '"failure":{"code":"IO","message":""},"outcome":"succeeded"',
    ),
    "failure with outputs": payload.replace('"outcome":"succeeded"', '"outcome":"failed"'),
    "outputs that share a name": payload.replace("größe ∑.txt", "predictions.npy"),
  };
}

/** A golden bundle around another payload, signed by a key of its own. */
export function bundleOf(
  payload: Uint8Array,
  signer = newSigner("ecdsa-p256-sha256"),
  keySuffix = ".pub.pem",
): { readonly [name: string]: Uint8Array | string } {
  const signature = signer.sign(preAuthEncoding(payload));
  const keyId = receiptKeyId(signer.publicKey);
  const value = JSON.parse(text(golden("digits.sigstore.json")));
  value.verificationMaterial.publicKey.hint = keyId;
  value.dsseEnvelope = envelopeJson({ payload, keyId, signature });
  return {
    "digits.sigstore.json": canonicalBytes(value),
    [`${keyId}${keySuffix}`]: pemOf(signer.publicKey),
  };
}

export const isStatement = (payload: Uint8Array): boolean => {
  try {
    parsePayload(payload);
    return true;
  } catch {
    return false;
  }
};
