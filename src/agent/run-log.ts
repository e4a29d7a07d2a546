/** The log lines of one run on their way to the coordinator: bounded in memory, on the wire, in all. */
import { limits } from "../base/limits.js";

const lineLengthMax = 2_000;
const batchLinesMax = 200;
const heldLinesMax = 1_000;

export class RunLog {
  #held: string[] = [];
  #dropped = 0;
  #bytesTaken = 0;

  add(line: string): void {
    const clean = line.replace(/[\r\n]+$/, "").slice(0, lineLengthMax);
    const bytes = Buffer.byteLength(clean);
    if (this.#bytesTaken + bytes > limits.runLogBytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#bytesTaken += bytes;
    this.#held.push(clean);
    if (this.#held.length > heldLinesMax) {
      this.#held.shift();
      this.#dropped += 1;
    }
  }

  /** The next lines to send, at most one message's worth; says how many were left out, if any. */
  take(): string[] {
    const lines = this.#held.splice(0, batchLinesMax);
    if (this.#held.length === 0 && this.#dropped > 0) {
      lines.push(`(${this.#dropped} lines left out)`);
      this.#dropped = 0;
    }
    return lines;
  }
}
