/**
 * Connections to PostgreSQL as the query builder takes them: each query is prepared once a
 * connection, whole numbers come back as numbers, every error has one of our codes, and a connection
 * about which anything is uncertain is never used again.
 */
import type { PostgresPool, PostgresPoolClient } from "kysely";
import pg from "pg";
import { sha256, toHex } from "../../base/bytes.js";
import { QuipuError } from "../../base/errors.js";
import { explainDatabase, sqlState } from "./explain-database.js";

export function openPool(config: pg.PoolConfig): PostgresPool {
  const pool = new pg.Pool({ ...config, types });
  // A connection that breaks while nobody uses it: the pool drops it, and whoever uses a broken one
  // is told by his query. Without listeners either would end the process.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return {
    async connect() {
      try {
        return lent(await pool.connect());
      } catch (error) {
        throw explainDatabase(error, "cannot connect to the database");
      }
    },
    end: () => pool.end(),
  };
}

function lent(client: pg.PoolClient): PostgresPoolClient {
  let broken = false;
  const query = async (text: string, parameters: readonly unknown[]) => {
    if (broken) throw new QuipuError("UNAVAILABLE", "the connection to the database is lost");
    try {
      return await client.query(prepared(text, parameters));
    } catch (error) {
      const state = sqlState(error);
      // Without an answer of the server nobody knows what the connection still carries.
      broken ||= state === undefined || state === staleStatement;
      throw explainDatabase(error, "the database refused a statement");
    }
  };
  return {
    query: query as unknown as PostgresPoolClient["query"], // nobody asks for a cursor
    release: () => client.release(broken),
  };
}

/** "Cached plan must not change result type": a newer program has added a column. */
const staleStatement = "0A000";

const statementsKeptMax = 256;
const names = new Map<string, string>();

/** Without parameters a text may hold several statements, which cannot be prepared. */
function prepared(text: string, parameters: readonly unknown[]): pg.QueryConfig {
  if (parameters.length === 0) return { text };
  const values = [...parameters];
  let name = names.get(text);
  if (name === undefined) {
    if (names.size === statementsKeptMax) return { text, values };
    // Named after what it says: behind a pooler that mixes connections a number could mean another.
    name = toHex(sha256(new TextEncoder().encode(text))).slice(0, 32);
    names.set(text, name);
  }
  return { name, text, values };
}

const types: pg.CustomTypesConfig = {
  getTypeParser: (type, format) =>
    type === pg.types.builtins.INT8 ? safeInteger : pg.types.getTypeParser(type, format),
};

function safeInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new QuipuError("INTERNAL", `${text} in the database is beyond what a number holds`);
}
