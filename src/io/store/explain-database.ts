/** A database's error as one of our codes. What it says is kept; how to connect is never in it. */
import { type ErrorCode, QuipuError } from "../../base/errors.js";

/** A caller that has an error with a code already gets that one back. */
export function explainDatabase(error: unknown, what: string): QuipuError {
  if (error instanceof QuipuError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const known = databaseCode(typeof code === "string" ? code : "", String(message));
  const next = advice[known];
  return new QuipuError(known, `${what}: ${String(message) || String(code)}`, {
    ...(next === undefined ? {} : { next }),
    cause: error,
  });
}

/** Whether the transaction lost against another one that ran beside it; run again, it may win. */
export function isSerialisationFailure(error: unknown): boolean {
  return ["40001", "40P01"].includes(sqlState(error) ?? "");
}

/** PostgreSQL's five characters; undefined when no server said anything. */
export function sqlState(error: unknown): string | undefined {
  const cause = error instanceof QuipuError ? error.cause : error;
  const code = (cause as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !systemErrors.has(code)
    ? code
    : undefined;
}

const advice: Readonly<Partial<Record<ErrorCode, string>>> = {
  UNAVAILABLE: "try again in a moment; if it lasts, see that the database runs and can be reached",
  DEADLINE_EXCEEDED: "try again; if it lasts, the database is overloaded or another one locks it",
  PERMISSION_DENIED: "check user, password and grants of the database",
  INSECURE_ENDPOINT:
    "give the database a certificate that verifies, or its root with sslrootcert=FILE",
};

/** Names of the system that look like the five characters of PostgreSQL. */
const systemErrors = new Set(["EPIPE", "EBUSY", "EPERM", "EROFS", "EBADF"]);

function databaseCode(code: string, message: string): ErrorCode {
  if (code.startsWith("SQLITE_")) return sqliteCode(code);
  if (/^[0-9A-Z]{5}$/.test(code) && !systemErrors.has(code)) return postgresCode(code);
  return connectionCode(code, message);
}

function sqliteCode(code: string): ErrorCode {
  if (code.startsWith("SQLITE_FULL")) return "DISK_FULL";
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return "STATE_LOCKED";
  if (code.startsWith("SQLITE_CANTOPEN") || code.startsWith("SQLITE_READONLY")) {
    return "STATE_NOT_WRITABLE";
  }
  if (code.startsWith("SQLITE_IOERR")) return "IO";
  if (code.startsWith("SQLITE_CONSTRAINT")) return "CONFLICT";
  return "INTERNAL";
}

/** The most particular prefix wins; see appendix A of PostgreSQL's manual. */
const postgresCodes: readonly (readonly [string, ErrorCode])[] = [
  ["25006", "UNAVAILABLE"], // read only: a server that is not the primary any more
  ["25P03", "UNAVAILABLE"], // idle in a transaction for too long: this process was stopped
  ["3D000", "NOT_FOUND"], // no such database
  ["42501", "PERMISSION_DENIED"],
  ["53100", "DISK_FULL"],
  ["55P03", "UNAVAILABLE"], // a lock was not to be had in time
  ["57014", "DEADLINE_EXCEEDED"], // statement timeout
  ["58030", "IO"],
  ["08", "UNAVAILABLE"], // connection
  ["23", "CONFLICT"], // constraint
  ["28", "PERMISSION_DENIED"],
  ["40", "UNAVAILABLE"], // rolled back: serialisation, deadlock
  ["53", "UNAVAILABLE"], // connections, memory
  ["57P", "UNAVAILABLE"], // starting, stopping, crashed
];

function postgresCode(code: string): ErrorCode {
  return postgresCodes.find(([prefix]) => code.startsWith(prefix))?.[1] ?? "INTERNAL";
}

function connectionCode(code: string, message: string): ErrorCode {
  const isTls = /^(ERR_TLS_|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_)|ALTNAME/.test(code);
  if (isTls || /does not support SSL|certificate/.test(message)) return "INSECURE_ENDPOINT";
  if (/^E[A-Z_]+$/.test(code)) return "UNAVAILABLE";
  return /connect|timeout|terminated|not queryable/i.test(message) ? "UNAVAILABLE" : "INTERNAL";
}
