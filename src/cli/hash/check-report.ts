/** What a check of checksums found: a line a file as it comes, and the sum of it at the end. */
import { errorCodes, QuipuError } from "../../base/errors.js";
import type { Output } from "../output.js";
import { printable } from "../table.js";
import type { CheckLine } from "./check-line.js";
import { ErrorList, type Failed, isFailed, type Outcome } from "./outcome.js";

/** More lines without form than these say only that it is another kind of file. */
const malformedShownMax = 10;

export class CheckReport {
  readonly #output: Output;
  readonly #errors: ErrorList;
  readonly #files: object[] = [];
  readonly #malformed: { list: string; line: number; why: string }[] = [];
  #passed = 0;
  #different = 0;
  #unread = 0;
  #listsUnread = 0;

  constructor(output: Output) {
    this.#output = output;
    this.#errors = new ErrorList(output);
  }

  listUnread(failure: Failed): void {
    this.#listsUnread += 1;
    this.#errors.add(failure);
  }

  malformed(list: string, line: number, why: string): void {
    this.#malformed.push({ list, line, why });
    if (this.#malformed.length > malformedShownMax) return;
    this.#output.note(`${printable(list)}:${line}: not a checksum line: ${why}`);
  }

  checked({ shown, algorithm, path, digest }: CheckLine, outcome: Outcome): void {
    const ok = !isFailed(outcome) && outcome[algorithm] === digest;
    if (isFailed(outcome)) {
      this.#unread += 1;
      this.#errors.add(outcome);
      this.#say(shown, "FAILED open or read");
    } else if (ok) {
      this.#passed += 1;
      if (!this.#output.quiet) this.#say(shown, "OK");
    } else {
      this.#different += 1;
      this.#say(shown, "FAILED");
    }
    if (this.#output.json) this.#files.push({ path, algorithm, ok });
  }

  /** The exit code. */
  finish(): number {
    const faults = [
      many(this.#different, "checksum does not match", "checksums do not match"),
      many(this.#unread, "file cannot be read", "files cannot be read"),
      many(this.#malformed.length, "line is no checksum line", "lines are no checksum lines"),
    ].filter((fault) => fault !== "");
    const ok = faults.length === 0 && this.#listsUnread === 0;
    if (this.#output.json) {
      const [files, malformed, errors] = [this.#files, this.#malformed, this.#errors.views];
      this.#output.result({ ok, files, malformed, errors }, () => "");
    } else if (faults.length > 0) {
      const matching = many(this.#passed, "checksum matches", "checksums match") || "none matches";
      const message = `${faults.join(", ")}; ${matching}`;
      this.#output.failure(new QuipuError("VERIFICATION_FAILED", message));
    }
    if (faults.length > 0) return errorCodes.VERIFICATION_FAILED.exit;
    return ok ? 0 : 1;
  }

  #say(path: string, verdict: string): void {
    if (!this.#output.json) this.#output.result(undefined, () => `${printable(path)}: ${verdict}`);
  }
}

function many(count: number, one: string, more: string): string {
  return count === 0 ? "" : `${count} ${count === 1 ? one : more}`;
}
