/**
 * Error codes to gRPC status and back.
 *
 * Frozen: a QuipuError crosses whole, as JSON in the trailing metadata entry `quipu-error-bin`; the
 * status number beside it is for clients that know gRPC only. Errors that no code of ours threw on
 * purpose cross as a code and a fault id, never with their text or stack.
 */
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import {
  type ErrorCode,
  type ErrorJson,
  errorCodes,
  isErrorCode,
  QuipuError,
} from "../../base/errors.js";

const errorKey = "quipu-error-bin";
/** HTTP/2 peers commonly refuse header blocks over 8 KiB; base64 grows this by a third. */
const errorBytesMax = 4096;
const textLengthMax = 1000;

/** Closest code of ours for a status that carries none (index = status number). */
const codeOfStatus: readonly ErrorCode[] = [
  "INTERNAL", // OK is no error
  "CANCELLED",
  "INTERNAL", // UNKNOWN
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "LIMIT_EXCEEDED", // RESOURCE_EXHAUSTED
  "CONFLICT", // FAILED_PRECONDITION
  "CONFLICT", // ABORTED
  "INVALID_ARGUMENT", // OUT_OF_RANGE
  "NOT_FOUND", // UNIMPLEMENTED: the server knows no such call
  "INTERNAL",
  "UNAVAILABLE",
  "IO", // DATA_LOSS
  "PERMISSION_DENIED", // UNAUTHENTICATED
];

export interface WireStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

export function toStatus(error: QuipuError): WireStatus {
  const metadata = new Metadata();
  metadata.set(errorKey, errorBytes(error));
  // grpc-js escapes this with encodeURI, which throws on half a surrogate pair.
  const details = error.message.slice(0, textLengthMax).toWellFormed();
  return { code: errorCodes[error.code].grpc, details, metadata };
}

/** `address` and `method` name the call in errors that the server did not phrase. */
export function fromStatus(status: StatusObject, address: string, method: string): QuipuError {
  const [carried] = status.metadata.get(errorKey);
  const whole = Buffer.isBuffer(carried) ? parseError(carried) : undefined;
  if (whole !== undefined) return whole;
  const code = codeOfStatus[status.code] ?? "INTERNAL";
  const cause = new Error(`gRPC status ${status.code}: ${status.details}`);
  const text = status.details.slice(0, textLengthMax);
  if (code === "UNAVAILABLE") return unreachable(address, text, { method }, cause);
  if (code === "DEADLINE_EXCEEDED") {
    const next = `check that ${address} is up and not overloaded, then try again`;
    const parts = { next, details: { address, method }, cause };
    return new QuipuError(code, `${address} did not answer ${method} in time`, parts);
  }
  const parts = { details: { address, method }, cause };
  return new QuipuError(code, `${method} at ${address} failed: ${text}`, parts);
}

export function unreachable(
  address: string,
  why: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): QuipuError {
  return new QuipuError("UNAVAILABLE", `no answer from ${address}: ${why}`, {
    next: `start a coordinator with \`quipu up\`, or check that ${address} is its address`,
    details: { address, ...details },
    cause,
  });
}

/** Drops the details, then shortens the texts, when the whole does not fit. */
function errorBytes(error: QuipuError): Buffer {
  const whole = error.toJSON();
  const { details: _, ...plain } = whole;
  const short = {
    ...plain,
    message: plain.message.slice(0, textLengthMax),
    ...(plain.next === undefined ? {} : { next: plain.next.slice(0, textLengthMax) }),
  };
  const forms = [jsonBytes(whole), jsonBytes(plain), jsonBytes(short)];
  const fitting = forms.find((bytes) => bytes !== undefined && bytes.length <= errorBytesMax);
  return fitting ?? Buffer.from(JSON.stringify({ code: error.code, message: error.code }));
}

/** Undefined for details that JSON cannot say (a bigint, a cycle). */
function jsonBytes(value: unknown): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch {
    return undefined;
  }
}

/** Undefined for a code of a newer version, or bytes that are no such JSON. */
function parseError(bytes: Buffer): QuipuError | undefined {
  let json: Partial<Record<keyof ErrorJson, unknown>> | null;
  try {
    json = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const { code, message, next, details } = json;
  if (typeof code !== "string" || !isErrorCode(code) || typeof message !== "string") {
    return undefined;
  }
  return new QuipuError(code, message, {
    ...(typeof next === "string" ? { next } : {}),
    ...(typeof details === "object" && details !== null
      ? { details: details as Readonly<Record<string, unknown>> }
      : {}),
  });
}
