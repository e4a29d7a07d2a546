/**
 * A kernel file that is opened once and read again and again from its start. Opening costs several
 * times what reading does, and an agent reads these files each second for months.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { QuipuError } from "../../base/errors.js";

export class KeptFile {
  readonly #path: string;
  readonly #bytesMax: number;
  #descriptor: number | undefined;
  #buffer = Buffer.allocUnsafe(4096);

  /** Text past `bytesMax` is an error, not a shorter answer: half a line would be a wrong number. */
  constructor(path: string, bytesMax: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
  }

  /** The file as it is now. After a failure the next call opens it again. */
  read(): string {
    try {
      this.#descriptor ??= openSync(this.#path, "r");
      return this.#readAll(this.#descriptor);
    } catch (error) {
      this.close();
      throw QuipuError.from(error);
    }
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    closeSync(descriptor);
  }

  /** The kernel hands out about a page at a time and says 0 at the end. */
  #readAll(descriptor: number): string {
    let length = 0;
    for (;;) {
      if (length === this.#buffer.length) this.#grow();
      const room = this.#buffer.length - length;
      const count = readSync(descriptor, this.#buffer, length, room, length);
      if (count === 0) return this.#buffer.toString("latin1", 0, length);
      length += count;
    }
  }

  #grow(): void {
    if (this.#buffer.length >= this.#bytesMax) {
      throw new QuipuError("LIMIT_EXCEEDED", `${this.#path} is over ${this.#bytesMax} bytes`);
    }
    const larger = Buffer.allocUnsafe(Math.min(this.#buffer.length * 4, this.#bytesMax));
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }
}
