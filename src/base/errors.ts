/**
 * The one closed set of error codes, from kernel status to process exit.
 *
 * A code says what a caller may do next: `retryable` (the same call may succeed later), `terminal`
 * (the same call will fail again; change the request), `fatal` (this process must stop and a person
 * must look). Native status numbers, gRPC status and exit codes all derive from this table.
 */
export type ErrorKind = "retryable" | "terminal" | "fatal";

interface CodeFacts {
  readonly kind: ErrorKind;
  /** Process exit code of a command that ends with this error (`../docs/errors.md`). */
  readonly exit: number;
  /** gRPC status number (google.rpc.Code). */
  readonly grpc: number;
}

const terminal = (exit: number, grpc: number): CodeFacts => ({ kind: "terminal", exit, grpc });
const retryable = (exit: number, grpc: number): CodeFacts => ({ kind: "retryable", exit, grpc });
const fatal = (exit: number, grpc: number): CodeFacts => ({ kind: "fatal", exit, grpc });

export const errorCodes = Object.freeze({
  // what was asked is wrong
  USAGE: terminal(2, 3),
  INVALID_ARGUMENT: terminal(1, 3),
  JOB_FILE_INVALID: terminal(2, 3),
  MODEL_INVALID: terminal(1, 3),
  MODEL_UNSUPPORTED: terminal(1, 12),
  SHAPE_MISMATCH: terminal(1, 3),
  DATA_INVALID: terminal(1, 3),
  LIMIT_EXCEEDED: terminal(1, 8),
  NOT_FOUND: terminal(1, 5),
  ALREADY_EXISTS: terminal(1, 6),
  CONFLICT: terminal(1, 9),
  PERMISSION_DENIED: terminal(4, 7),
  INSECURE_ENDPOINT: terminal(2, 9),
  // law and capacity
  REFUSED_BY_POLICY: terminal(5, 7),
  NOT_PLACED: retryable(3, 8),
  // bytes are not what they should be
  DIGEST_MISMATCH: terminal(6, 15),
  DATA_CHANGED: terminal(1, 10),
  VERIFICATION_FAILED: terminal(6, 15),
  LOG_CORRUPT: fatal(6, 15),
  // the run
  FENCED: terminal(1, 10),
  CANCELLED: terminal(130, 1),
  LEASE_EXPIRED: retryable(1, 10),
  PREEMPTED: retryable(1, 10),
  DEPENDENCY_FAILED: terminal(1, 9),
  GANG_FAILED: terminal(1, 9),
  BUDGET_SPENT: terminal(1, 8),
  POISONED: terminal(1, 9),
  WORKER_DIED: retryable(1, 14),
  DEVICE_LOST: retryable(1, 14),
  DEVICE_MEMORY: retryable(1, 8),
  BACKEND_UNAVAILABLE: terminal(1, 12),
  ADDON_MISSING: terminal(1, 12),
  // the world
  UNAVAILABLE: retryable(1, 14),
  DEADLINE_EXCEEDED: retryable(7, 4),
  IO: retryable(1, 13),
  DISK_FULL: retryable(1, 8),
  PORT_TAKEN: terminal(1, 6),
  STATE_NOT_WRITABLE: fatal(1, 9),
  STATE_NEWER: fatal(1, 9),
  STATE_LOCKED: fatal(1, 9),
  INTERNAL: fatal(1, 13),
} as const satisfies Record<string, CodeFacts>);

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorParts {
  /** What the reader should do or type next. */
  readonly next?: string;
  /** Machine-readable facts (field paths, digests, numbers); safe to print as JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error with a code from the closed set: what happened, why, and what to do next. */
export class QuipuError extends Error {
  readonly code: ErrorCode;
  readonly next: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = "QuipuError";
    this.code = code;
    this.next = parts.next;
    this.details = parts.details ?? {};
  }

  get kind(): ErrorKind {
    return errorCodes[this.code].kind;
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }

  toJSON(): ErrorJson {
    return {
      code: this.code,
      kind: this.kind,
      message: this.message,
      ...(this.next === undefined ? {} : { next: this.next }),
      ...(Object.keys(this.details).length === 0 ? {} : { details: this.details }),
    };
  }

  /** Turns anything thrown into a QuipuError; system errors get their own codes. */
  static from(thrown: unknown): QuipuError {
    if (thrown instanceof QuipuError) return thrown;
    if (thrown instanceof Error) {
      const code = systemCode((thrown as NodeJS.ErrnoException).code);
      return new QuipuError(code, thrown.message, { cause: thrown });
    }
    return new QuipuError("INTERNAL", String(thrown));
  }

  /** The same of a call to the system: a fault that has no code of its own is IO, not ours. */
  static ofSystem(thrown: unknown): QuipuError {
    const error = QuipuError.from(thrown);
    if (error.code !== "INTERNAL") return error;
    return new QuipuError("IO", error.message, { cause: thrown });
  }
}

export interface ErrorJson {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly next?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}

function systemCode(errno: string | undefined): ErrorCode {
  switch (errno) {
    case "ENOENT":
    case "ENOTDIR":
      return "NOT_FOUND";
    case "ENOSPC":
    case "EDQUOT":
      return "DISK_FULL";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "PERMISSION_DENIED";
    case "EADDRINUSE":
      return "PORT_TAKEN";
    case "ECONNREFUSED":
    case "ECONNRESET":
    case "EPIPE":
      return "UNAVAILABLE";
    case "ETIMEDOUT":
      return "DEADLINE_EXCEEDED";
    case "EIO":
    case "EMFILE":
      return "IO";
    default:
      return "INTERNAL";
  }
}
