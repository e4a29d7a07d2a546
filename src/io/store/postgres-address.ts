/**
 * A PostgreSQL address as settings of a connection pool:
 *
 *   postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTIONS      postgres:///DATABASE?host=/SOCKET/FOLDER
 *
 * | option | meaning |
 * |---|---|
 * | `host`, `user` | what the address itself leaves out; a host that begins with `/` is a folder of sockets |
 * | `sslmode` | `verify-full` (usual, save for this machine) or `disable` (only for this machine) |
 * | `sslrootcert`, `sslcert`, `sslkey` | PEM files: whom to trust, and who we are |
 * | `pool_max`, `connect_timeout_ms`, `statement_timeout_ms` | limits |
 *
 * An option that is not known is refused: one that was mistyped would otherwise hold nobody back.
 * The password may also come from PGPASSWORD or a password file, and is never shown.
 */
import { readFileSync } from "node:fs";
import type { PoolConfig } from "pg";
import { isLocalEndpoint, requireLocalEndpoint } from "../../base/endpoint.js";
import { QuipuError } from "../../base/errors.js";

export interface PostgresAddress {
  /** For people: which database, and where. */
  readonly name: string;
  readonly pool: PoolConfig;
}

const defaults = { poolMax: 8, connectTimeoutMs: 5_000, statementTimeoutMs: 30_000 };
/** A process that was stopped in mid-transaction must not lock the others out for longer. */
const idleInTransactionMsMax = 10_000;
const portUsual = 5432;
const options = [
  ...["host", "user", "sslmode", "sslrootcert", "sslcert", "sslkey"],
  ...["pool_max", "connect_timeout_ms", "statement_timeout_ms"],
];

export function isPostgresAddress(text: string): boolean {
  return /^postgres(ql)?:/i.test(text);
}

/** Throws INVALID_ARGUMENT, or INSECURE_ENDPOINT for plain text to another machine. */
export function parsePostgresAddress(text: string): PostgresAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !isPostgresAddress(text)) throw wrong("it is not one");
  const unknown = [...url.searchParams.keys()].find((name) => !options.includes(name));
  if (unknown !== undefined) throw wrong(`there is no option ${unknown}`);
  const option = (name: string) => url.searchParams.get(name) ?? undefined;
  const host = decode(url.hostname).replace(/^\[(.*)\]$/, "$1") || option("host") || "127.0.0.1";
  const user = decode(url.username) || option("user");
  const database = decode(url.pathname.slice(1)) || user;
  const port = url.port === "" ? portUsual : Number(url.port);
  const statementTimeoutMs = milliseconds(
    option,
    "statement_timeout_ms",
    defaults.statementTimeoutMs,
  );
  return {
    name: `the database ${database ?? ""} at ${host.startsWith("/") ? host : `${host}:${port}`}`,
    pool: {
      host,
      port,
      ...(user === undefined ? {} : { user }),
      ...(url.password === "" ? {} : { password: decode(url.password) }),
      ...(database === undefined ? {} : { database }),
      ssl: tlsOf(host, port, option),
      max: whole(option, "pool_max", defaults.poolMax, 2, 200),
      connectionTimeoutMillis: milliseconds(
        option,
        "connect_timeout_ms",
        defaults.connectTimeoutMs,
      ),
      statement_timeout: statementTimeoutMs,
      // When the network swallows everything nobody else would end the wait.
      query_timeout: 2 * statementTimeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionMsMax,
      keepAlive: true,
      application_name: "quipu",
    },
  };
}

type Option = (name: string) => string | undefined;

function tlsOf(host: string, port: number, option: Option): PoolConfig["ssl"] {
  const endpoint = host.startsWith("/")
    ? ({ kind: "unix", path: host } as const)
    : ({ kind: "tcp", host: host === "localhost" ? "127.0.0.1" : host, port } as const);
  const mode = option("sslmode");
  if (mode !== undefined && mode !== "verify-full" && mode !== "disable") {
    throw wrong(`sslmode is ${mode}, neither verify-full nor disable`);
  }
  const files = ["sslrootcert", "sslcert", "sslkey"].some((name) => option(name) !== undefined);
  if (mode === "disable" || (mode === undefined && !files && isLocalEndpoint(endpoint))) {
    requireLocalEndpoint(endpoint, "dial");
    return false;
  }
  if (endpoint.kind === "unix") throw wrong("a socket of this machine speaks no TLS");
  const [ca, cert, key] = ["sslrootcert", "sslcert", "sslkey"].map((name) => pem(option, name));
  return {
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function pem(option: Option, name: string): string | undefined {
  const path = option(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new QuipuError("NOT_FOUND", `${name}=${path} cannot be read`, { cause });
  }
}

function milliseconds(option: Option, name: string, usual: number): number {
  return whole(option, name, usual, 10, 3_600_000);
}

function whole(option: Option, name: string, usual: number, min: number, max: number): number {
  const text = option(name);
  if (text === undefined) return usual;
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw wrong(`${name}=${text.slice(0, 20)} is not a whole number from ${min} to ${max}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("a part of it is badly percent-encoded");
  }
}

/** Never with the address itself, nor with a cause that holds it: both may carry the password. */
function wrong(why: string): QuipuError {
  return new QuipuError("INVALID_ARGUMENT", `the address of the database is refused: ${why}`, {
    next: "write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for an @ in the password",
  });
}
