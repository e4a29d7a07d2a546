/** Errors as HTTP: a status near the code, and the error itself as `{"error": {...}}`. */
import type { FastifyReply } from "fastify";
import { type ErrorCode, errorCodes, QuipuError } from "../../base/errors.js";
import { newId } from "../../base/ids.js";

/** An error that no route threw on purpose; its id is all that the client learns of it. */
export interface HttpFault {
  readonly id: string;
  readonly error: unknown;
}

/** By gRPC status number, which each code has. */
const httpOfGrpc: Readonly<Record<number, number>> = {
  1: 499,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 409,
  10: 409,
  12: 501,
  13: 500,
  14: 503,
  15: 422,
};

/** Codes for which HTTP has a better word than their gRPC status. */
const httpOfCode: Partial<Record<ErrorCode, number>> = {
  LIMIT_EXCEEDED: 413,
  DISK_FULL: 507,
  DEADLINE_EXCEEDED: 408,
};

export function httpStatus(code: ErrorCode): number {
  return httpOfCode[code] ?? httpOfGrpc[errorCodes[code].grpc] ?? 500;
}

export function sendError(
  reply: FastifyReply,
  thrown: unknown,
  method: string,
  onFault: (fault: HttpFault) => void,
): void {
  const error = wireError(thrown, onFault);
  void reply.code(httpStatus(error.code)).header("cache-control", "no-store");
  void reply.type("application/json; charset=utf-8");
  void reply.send(method === "HEAD" ? "" : JSON.stringify({ error }));
}

function wireError(thrown: unknown, onFault: (fault: HttpFault) => void): QuipuError {
  if (thrown instanceof QuipuError) return thrown;
  const { statusCode, message } = Object(thrown) as { statusCode?: unknown; message?: unknown };
  if (typeof statusCode === "number" && statusCode >= 400 && statusCode < 500) {
    const code = statusCode === 413 ? "LIMIT_EXCEEDED" : "INVALID_ARGUMENT";
    return new QuipuError(code, String(message)); // fastify's own words on a request it refuses
  }
  const id = newId("err", { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) });
  onFault({ id, error: thrown });
  const { code } = QuipuError.from(thrown);
  return new QuipuError(code, `the server could not complete this request (${id})`, {
    next: `look for ${id} in the server's log`,
    details: { fault: id },
  });
}
