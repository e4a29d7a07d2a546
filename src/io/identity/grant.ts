/**
 * Grants: the right to move one blob once decided lawful, as a JWT signed with ES256. Whoever serves
 * the blob checks the grant alone; it need not ask the coordinator.
 */
import { createPublicKey } from "node:crypto";
import { jwtVerify } from "jose";
import { type Digest, isDigest } from "../../base/bytes.js";
import { canonicalJson } from "../../base/canonical-json.js";
import { QuipuError } from "../../base/errors.js";
import type { Signer } from "../../base/signature.js";

export interface Grant {
  readonly digest: Digest;
  readonly action: "get" | "put";
  /** Where the bytes go, which the export was decided for; empty for bytes that are brought. */
  readonly country: string;
  /** Who serves or takes the blob: a host's name, or `coordinator`. Others refuse the grant. */
  readonly host: string;
  readonly jobId?: string;
  /** Kept to the whole second below. */
  readonly expiresAtMs: number;
  /** Most bytes that may be put. */
  readonly sizeBytes?: number;
}

const type = "quipu-grant+jwt";
export const grantTextMax = 4096;

export function signGrant(signer: Signer, grant: Grant): string {
  if (signer.algorithm !== "ecdsa-p256-sha256") {
    throw new QuipuError("INVALID_ARGUMENT", `a ${signer.algorithm} key cannot sign grants`);
  }
  const { expiresAtMs, ...claims } = grant;
  const payload = { ...claims, exp: Math.floor(expiresAtMs / 1000) };
  const text = `${encode({ alg: "ES256", typ: type })}.${encode(payload)}`;
  const signature = rawSignature(signer.sign(new TextEncoder().encode(text)));
  return `${text}.${Buffer.from(signature).toString("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(canonicalJson(value)).toString("base64url");
}

/** r and s of an ASN.1 DER signature as two 32-byte numbers, which JWS asks for (RFC 7518 §3.4). */
function rawSignature(der: Uint8Array): Uint8Array {
  const raw = new Uint8Array(64);
  let at = 2; // SEQUENCE and its length, one byte each for P-256
  for (const end of [32, 64]) {
    const length = der[at + 1] ?? 0;
    const digits = der.slice(at + 2, at + 2 + length);
    const significant = digits.length > 32 ? digits.slice(digits.length - 32) : digits;
    raw.set(significant, end - significant.length);
    at += 2 + length;
  }
  return raw;
}

/** The grant in a token that this key signed and that has not expired; else PERMISSION_DENIED. */
export async function verifyGrant(
  publicKey: Uint8Array,
  token: string,
  nowMs: number,
): Promise<Grant> {
  if (token.length > grantTextMax) throw denied("it is too long");
  const key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  const { payload } = await jwtVerify(token, key, {
    algorithms: ["ES256"],
    typ: type,
    currentDate: new Date(nowMs),
    requiredClaims: ["exp"],
  }).catch((cause: Error) => {
    throw denied(cause.message, cause);
  });
  return grantFrom(payload);
}

/** What one request asks of whoever serves blobs under `host`. */
export interface GrantUse {
  readonly host: string;
  readonly digest: Digest;
  readonly action: Grant["action"];
  readonly token: string | undefined;
}

/** The grant that allows this very use; PERMISSION_DENIED with the reason when there is none. */
export async function checkGrant(
  publicKey: Uint8Array,
  { host, digest, action, token }: GrantUse,
  nowMs: number,
): Promise<Grant> {
  if (token === undefined) throw denied("there is none");
  const grant = await verifyGrant(publicKey, token, nowMs);
  if (grant.host !== host) throw denied(`it is for ${grant.host}, not for ${host}`);
  if (grant.digest !== digest) throw denied("it is for another artifact");
  if (grant.action !== action) throw denied(`it does not allow to ${action}`);
  return grant;
}

function grantFrom(payload: Readonly<Record<string, unknown>>): Grant {
  const { digest, action, country, host, jobId, exp, sizeBytes, ...others } = payload;
  if (Object.keys(others).length > 0) throw denied(`unknown claim ${Object.keys(others)[0]}`);
  if (typeof digest !== "string" || !isDigest(digest)) throw denied("its digest is malformed");
  if (action !== "get" && action !== "put") throw denied("its action is neither get nor put");
  if (typeof country !== "string" || !/^([A-Z]{2})?$/.test(country)) throw denied("no country");
  if (typeof host !== "string" || host === "") throw denied("no host");
  if (jobId !== undefined && typeof jobId !== "string") throw denied("its job is malformed");
  if (sizeBytes !== undefined && !isSize(sizeBytes)) throw denied("its size is malformed");
  return {
    digest,
    action,
    country,
    host,
    expiresAtMs: (exp as number) * 1000,
    ...(jobId === undefined ? {} : { jobId }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function denied(why: string, cause?: unknown): QuipuError {
  return new QuipuError("PERMISSION_DENIED", `the grant is not valid: ${why}`, {
    next: "ask the coordinator for one: `quipu job outputs` and `quipu artifact get` do",
    cause,
  });
}
