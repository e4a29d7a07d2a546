/** What the programs of coordinator and agent have in common: options, version, log, and how they end. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { QuipuError } from "../base/errors.js";

export type Log = pino.Logger;

/**
 * Runs a daemon to its end. It logs to stderr, so that stdout is for whoever started it. A fault of the
 * program ends it: the next start goes on from what is durable.
 */
export async function runDaemon(main: (log: Log) => Promise<void>): Promise<never> {
  const log = pino({ base: { pid: process.pid } }, pino.destination({ dest: 2, sync: true }));
  const die = (thrown: unknown): never => {
    const error = QuipuError.from(thrown);
    log.fatal({ error: error.toJSON() }, error.message);
    process.exit(error.exitCode);
  };
  process.on("uncaughtException", die);
  try {
    await main(log);
  } catch (thrown) {
    die(thrown);
  }
  process.exit(0);
}

/** The command line of one program. */
export class CommandLine {
  readonly #usage: string;

  constructor(usage: string) {
    this.#usage = usage;
  }

  /** Each option may also come from the environment: `--log-level` is `QUIPU_LOG_LEVEL`. */
  options<Option extends string>(
    defaults: Readonly<Record<Option, string | undefined>>,
  ): Record<Option, string> {
    const names = Object.keys(defaults) as Option[];
    const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
    let given: Partial<Record<string, string | boolean>>;
    try {
      given = parseArgs({ options, strict: true, allowPositionals: false }).values;
    } catch (cause) {
      throw this.wrong(cause instanceof Error ? cause.message : String(cause));
    }
    const read = names.map((name) => {
      const variable = `QUIPU_${name.toUpperCase().replaceAll("-", "_")}`;
      const value = given[name] ?? process.env[variable] ?? defaults[name];
      if (typeof value !== "string") throw this.wrong(`--${name} is missing`);
      return [name, value];
    });
    return Object.fromEntries(read) as Record<Option, string>;
  }

  setLevel(log: Log, level: string): void {
    const known = [...Object.values(log.levels.labels), "silent"];
    if (!known.includes(level)) {
      throw this.wrong(`--log-level ${level} is none of ${known.join(", ")}`);
    }
    log.level = level;
  }

  /** A time from the environment, which tests and drills shorten. */
  milliseconds(variable: string, usual: number): number {
    const text = process.env[variable];
    if (text === undefined) return usual;
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= 10 && value <= 3_600_000) return value;
    throw this.wrong(`${variable}=${text} is not milliseconds from 10 to 3600000`);
  }

  /** An option that counts something. */
  count(option: string, text: string, max: number, min = 1): number {
    const value = Number(text);
    if (text !== "" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    throw this.wrong(`--${option} ${text} is not a number from ${min} to ${max}`);
  }

  /** An option that is a part of a whole. */
  part(option: string, text: string): number {
    const value = Number(text);
    if (text !== "" && value >= 0 && value <= 1) return value;
    throw this.wrong(`--${option} ${text} is not a part from 0 to 1`);
  }

  /** From the environment alone, and gone from it then: those whom we start need not know it. */
  secret(variable: string): string | undefined {
    const value = process.env[variable];
    delete process.env[variable];
    return value;
  }

  wrong(why: string): QuipuError {
    return new QuipuError("USAGE", why, { next: `write: ${this.#usage}` });
  }
}

export function packageVersion(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
