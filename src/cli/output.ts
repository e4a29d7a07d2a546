/**
 * Printing. Data goes to stdout, everything else to stderr. In JSON mode stdout carries one JSON
 * value (or one a line for streams) and nothing else, whatever happens.
 */
import type { Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { QuipuError } from "../base/errors.js";
import { type Column, csvText, printable, renderTable } from "./table.js";

type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** `csv`: tables as RFC 4180 has them. */
export const extraForms = ["csv", "dot", "openlineage"] as const;
export type ExtraForm = (typeof extraForms)[number];

export interface OutputOptions {
  readonly json: boolean;
  /** What results are printed as, if neither for people nor as JSON. */
  readonly form?: ExtraForm | undefined;
  readonly quiet: boolean;
  readonly color: boolean;
  /** Errors are printed with their stack. */
  readonly verbose: boolean;
  readonly stdout: Terminal;
  readonly stderr: Terminal;
}

const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof styles;

export class Output {
  readonly #options: OutputOptions;
  #liveWidth = 0;
  #heard = true;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  get json(): boolean {
    return this.#options.json;
  }

  get form(): ExtraForm | undefined {
    return this.#options.form;
  }

  /** Results only, and of a check only what failed. */
  get quiet(): boolean {
    return this.#options.quiet;
  }

  /** True where a line may be redrawn in place. */
  get live(): boolean {
    return this.#options.stderr.isTTY === true && !this.#options.quiet;
  }

  /** False once whoever reads the results has gone. */
  get heard(): boolean {
    return this.#heard;
  }

  style(style: Style, text: string): string {
    return this.#options.color ? `\u001b[${styles[style]}m${text}\u001b[0m` : text;
  }

  /** The command's result: `value` as JSON, or `text()` for a person. */
  result(value: unknown, text: () => string): void {
    this.#clearLive();
    const body = this.json ? JSON.stringify(value) : text();
    if (body === "") return;
    this.#options.stdout.write(`${body}\n`, (error) => {
      if (error) this.#heard = false;
    });
  }

  table<Row>(value: unknown, rows: readonly Row[], columns: readonly Column<Row>[], empty: string) {
    this.result(value, () => {
      if (this.form === "csv") return csvText(rows, columns);
      return rows.length === 0 ? empty : renderTable(rows, columns);
    });
  }

  /** A line about what is going on, for a person; never on stdout. */
  note(text: string): void {
    if (this.#options.quiet) return;
    this.#clearLive();
    this.#options.stderr.write(`${text}\n`);
  }

  /** A line that the next one replaces; only on a terminal. */
  progress(text: string): void {
    if (!this.live) return;
    const columns = this.#options.stderr.columns || 80;
    const line = stripVTControlCharacters(text).slice(0, columns - 1);
    this.#options.stderr.write(`\r${line.padEnd(this.#liveWidth)}`);
    this.#liveWidth = line.length;
  }

  /** Prints what happened, why and what to do next; returns the exit code. */
  failure(thrown: unknown): number {
    const error = QuipuError.from(thrown);
    this.#clearLive();
    if (this.json) this.#options.stdout.write(`${JSON.stringify({ error: error.toJSON() })}\n`);
    const [first, ...more] = textsOf(error);
    const lines = [`${this.style("red", error.code)}  ${first}`, ...more];
    if (error.next !== undefined) lines.push(`  next: ${printable(error.next)}`);
    const { stack = "" } = error;
    if (this.#options.verbose) lines.push(...stack.split("\n").map(printable));
    this.#options.stderr.write(`${lines.join("\n")}\n`);
    return error.exitCode;
  }

  #clearLive(): void {
    if (this.#liveWidth === 0) return;
    this.#options.stderr.write(`\r${" ".repeat(this.#liveWidth)}\r`);
    this.#liveWidth = 0;
  }
}

/** One line, but for a message that is nothing but its faults, which are a line each. */
function textsOf({ message, details }: QuipuError): string[] {
  const { faults } = details;
  const listed = Array.isArray(faults) && faults.join("\n") === message;
  const texts = listed ? faults : [message];
  return texts.map((text) => printable(String(text)));
}
