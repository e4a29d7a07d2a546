/** What became of one name: its digests, or why there are none. */
import { type ErrorJson, QuipuError } from "../../base/errors.js";
import type { Output } from "../output.js";

interface Named {
  /** As it is printed. */
  readonly name: string;
  /** Its bytes, where they are not UTF-8. */
  readonly rawName?: Buffer | undefined;
}

export interface Digested extends Named {
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly blake3?: string | undefined;
  readonly sha256?: string | undefined;
}

export interface Failed extends Named {
  readonly error: QuipuError;
}

export type Outcome = Digested | Failed;

export function isFailed(outcome: Outcome): outcome is Failed {
  return "error" in outcome;
}

/** The path is at fault, not the disk. */
const pathFaults: readonly unknown[] = ["EISDIR", "ELOOP", "ENAMETOOLONG"];

/** Of any read or write that fails, in one form: what Node says and the addon says reads alike. */
export function failed(named: Named, thrown: unknown, verb: "read" | "write" = "read"): Failed {
  const error = QuipuError.ofSystem(thrown);
  if (thrown instanceof QuipuError) return { ...named, error };
  const reason =
    /^[A-Z0-9]+: (.+?)(?:, \w+)?(?: '.*')?$/s.exec(error.message)?.[1] ?? error.message;
  const ofPath = pathFaults.includes((thrown as NodeJS.ErrnoException | undefined)?.code);
  const code = ofPath ? "DATA_INVALID" : error.code;
  const next = code === "NOT_FOUND" ? { next: "check the path" } : {};
  const message = `cannot ${verb} ${named.name}: ${reason}`;
  return { ...named, error: new QuipuError(code, message, { ...next, cause: thrown }) };
}

/** Errors that do not end the command: said as they come, or kept for the one JSON value. */
export class ErrorList {
  readonly views: ({ readonly path: string } & ErrorJson)[] = [];
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  add({ name, error }: Failed): void {
    this.views.push({ path: name, ...error.toJSON() });
    if (!this.#output.json) this.#output.failure(error);
  }
}
