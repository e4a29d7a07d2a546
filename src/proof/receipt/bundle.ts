/**
 * The portable receipt: a Sigstore bundle v0.3 with the envelope, the log entry and its proof, and
 * the files beside it that let any Sigstore or tlog tool check it offline. Frozen: field names and
 * forms are those of the Sigstore protobuf-specs as JSON.
 */
import { fromBase64, toBase64 } from "../../base/bytes.js";
import { canonicalBytes, canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import { parseStrictJson } from "../../base/strict-json.js";
import { formatProofFile, proofHashesMax } from "../tlog/proof-file.js";
import { ed25519Spki, fullKeyId, type VerifierKey } from "../tlog/verifier-key.js";
import {
  type Envelope,
  entryBytes,
  envelopeBytesMax,
  envelopeFromJson,
  envelopeJson,
  parseEnvelope,
  receiptKeyId,
} from "./envelope.js";

const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const trustedRootMediaType = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
export const bundleBytesMax = envelopeBytesMax + 256 * 1024;
export const bundleSuffix = ".sigstore.json";
/** After the id of a host's receipt key. */
export const receiptKeySuffix = ".pub.pem";
/** After the id of a coordinator's notice key: another name, since each may state what the other may not. */
export const noticeKeySuffix = ".notice.pem";
/** The record of the decision that a receipt names. */
export const decisionSuffix = ".decision.json";
/** After the id of a key: the bundle of the notice that revoked it. */
export const revokedSuffix = ".revoked.json";
export const trustedRootName = "trusted_root.json";
/** Who must have cosigned the log's checkpoint (C2SP tlog-policy). */
export const trustPolicyName = "trust.policy";

/** An entry's place in the log under one checkpoint. */
export interface LogProof {
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly hashes: readonly Uint8Array[];
  /** The signed note. */
  readonly checkpoint: string;
}

export interface Bundle {
  readonly envelope: Envelope;
  /** Full 32-byte key id of the log. */
  readonly logKeyId: Uint8Array;
  readonly entry: Uint8Array;
  readonly proof: LogProof;
}

export interface ReceiptFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Whose keys and witnesses stand behind a log. */
export interface LogTrust {
  readonly verifierKey: VerifierKey;
  readonly policyText?: string | undefined;
}

/** Every file of a receipt's folder; `name` is the job's. */
type FilesOf = (
  name: string,
  envelope: Uint8Array,
  publicKey: Uint8Array,
  proof: LogProof,
  log: LogTrust,
) => ReceiptFile[];

/** Of what a host stated. */
export const receiptFiles = filesWith(receiptKeySuffix);
/** Of what a coordinator stated. */
export const noticeFiles = filesWith(noticeKeySuffix);

function filesWith(suffix: string): FilesOf {
  return (name, envelope, publicKey, proof, log) => [
    ...bundleFiles(name, envelope, publicKey, proof, log),
    keyFile(suffix, publicKey),
  ];
}

function keyFile(suffix: string, publicKey: Uint8Array): ReceiptFile {
  const content = new TextEncoder().encode(pemOf(publicKey));
  return { name: `${receiptKeyId(publicKey)}${suffix}`, content };
}

function bundleFiles(
  name: string,
  envelopeBytes: Uint8Array,
  publicKey: Uint8Array,
  proof: LogProof,
  log: LogTrust,
): ReceiptFile[] {
  const envelope = parseEnvelope(envelopeBytes);
  const entry = entryBytes(envelope, publicKey);
  const bundle = { envelope, logKeyId: fullKeyId(log.verifierKey), entry, proof };
  return [
    { name: `${name}${bundleSuffix}`, content: canonicalBytes(bundleJson(bundle)) },
    { name: `${name}.tlog-proof`, content: new TextEncoder().encode(formatProofFile(proof)) },
    ...logFiles(log),
  ];
}

/** The keys that a receipt, or what is shown of it, is checked with where none is pinned. */
export function trustFiles(publicKey: Uint8Array, log: LogTrust): ReceiptFile[] {
  return [...logFiles(log), keyFile(receiptKeySuffix, publicKey)];
}

function logFiles({ verifierKey, policyText }: LogTrust): ReceiptFile[] {
  const text = new TextEncoder();
  return [
    { name: trustedRootName, content: canonicalBytes(trustedRootJson(verifierKey)) },
    ...(policyText === undefined
      ? []
      : [{ name: trustPolicyName, content: text.encode(policyText) }]),
  ];
}

/** `mediaType`: of another document that has a bundle's parts. */
export function bundleJson(
  { envelope, logKeyId, entry, proof }: Bundle,
  mediaType = bundleMediaType,
): object {
  return {
    mediaType,
    verificationMaterial: {
      publicKey: { hint: envelope.keyId },
      tlogEntries: [
        {
          logIndex: String(proof.index),
          logId: { keyId: toBase64(logKeyId) },
          kindVersion: { kind: "hashedrekord", version: "0.0.2" },
          inclusionProof: {
            logIndex: String(proof.index),
            rootHash: toBase64(proof.root),
            treeSize: String(proof.size),
            hashes: proof.hashes.map(toBase64),
            checkpoint: { envelope: proof.checkpoint },
          },
          canonicalizedBody: toBase64(entry),
        },
      ],
    },
    dsseEnvelope: envelopeJson(envelope),
  };
}

export function parseBundle(bytes: Uint8Array): Bundle {
  return bundleFromJson(parseStrictJson(bytes, "bundle", bundleBytesMax));
}

/** Takes out the values, builds the bundle anew from them, and demands that both are the same. */
export function bundleFromJson(value: unknown, mediaType = bundleMediaType): Bundle {
  const entry = pick(value, "verificationMaterial", "tlogEntries", 0);
  const proof = pick(entry, "inclusionProof");
  const hashes = pick(proof, "hashes");
  if (!Array.isArray(hashes) || hashes.length > proofHashesMax) throw refuse("hashes");
  const bundle: Bundle = {
    envelope: envelopeFromJson(pick(value, "dsseEnvelope")),
    logKeyId: bytesAt(entry, "logId", "keyId"),
    entry: bytesAt(entry, "canonicalizedBody"),
    proof: {
      index: numberAt(proof, "logIndex"),
      size: numberAt(proof, "treeSize"),
      root: bytesAt(proof, "rootHash"),
      hashes: hashes.map((_, i) => bytesAt(hashes, i)),
      checkpoint: textAt(proof, "checkpoint", "envelope"),
    },
  };
  if (canonicalJson(bundleJson(bundle, mediaType)) === canonicalJson(value)) return bundle;
  throw refuse("a field that is unknown, doubled with another value, or of another version");
}

function trustedRootJson(logKey: VerifierKey): object {
  const keyId = { keyId: toBase64(fullKeyId(logKey)) };
  return {
    mediaType: trustedRootMediaType,
    tlogs: [
      {
        baseUrl: `https://${logKey.name}`,
        hashAlgorithm: "SHA2_256",
        publicKey: {
          rawBytes: toBase64(ed25519Spki(logKey.publicKey)),
          keyDetails: "PKIX_ED25519",
          validFor: { start: "1970-01-01T00:00:00Z" },
        },
        logId: keyId,
        checkpointKeyId: keyId,
      },
    ],
    certificateAuthorities: [],
    ctlogs: [],
    timestampAuthorities: [],
  };
}

/** The log key in a `trusted_root.json` as `receiptFiles` writes it. */
export function parseTrustedRoot(bytes: Uint8Array): VerifierKey {
  const value = parseStrictJson(bytes, "trusted root", 64 * 1024);
  const log = pick(value, "tlogs", 0);
  const name = textAt(log, "baseUrl").replace(/^https:\/\//, "");
  const spki = bytesAt(log, "publicKey", "rawBytes");
  const key: VerifierKey = { kind: "log", name, publicKey: spki.slice(-32) };
  if (canonicalJson(trustedRootJson(key)) === canonicalJson(value)) return key;
  throw new QuipuError("VERIFICATION_FAILED", "the trusted root is not one of a Quipu log", {
    next: "use the trusted_root.json that was exported with the receipt",
  });
}

export function pemOf(publicKey: Uint8Array): string {
  const lines = toBase64(publicKey).match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`;
}

export function parsePem(text: string): Uint8Array {
  const body =
    /^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=\n]{1,4096})\n-----END PUBLIC KEY-----\n?$/.exec(
      text.replaceAll("\r\n", "\n"),
    )?.[1];
  if (body === undefined) throw new QuipuError("VERIFICATION_FAILED", "not a public key in PEM");
  return fromBase64(body.replaceAll("\n", ""));
}

function pick(value: unknown, ...path: readonly (string | number)[]): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) {
      throw refuse(`no ${path.join(".")}`);
    }
    at = (at as Record<string | number, unknown>)[step];
  }
  return at;
}

function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const found = pick(value, ...path);
  if (typeof found === "string") return found;
  throw refuse(`${path.join(".")} is not text`);
}

function bytesAt(value: unknown, ...path: readonly (string | number)[]): Uint8Array {
  const found = textAt(value, ...path);
  try {
    return fromBase64(found);
  } catch {
    throw refuse(`${path.join(".")} is not canonical base64`);
  }
}

function numberAt(value: unknown, ...path: readonly (string | number)[]): number {
  const found = textAt(value, ...path);
  if (/^(0|[1-9][0-9]{0,15})$/.test(found)) return Number(found);
  throw refuse(`${path.join(".")} is not a whole number`);
}

function refuse(why: string): QuipuError {
  return new QuipuError("VERIFICATION_FAILED", `not a receipt bundle: ${why}`);
}
