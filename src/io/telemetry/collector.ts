/** One kernel file, how to read it, and what becomes of a value that is no longer fresh. */
import { join } from "node:path";
import { QuipuError } from "../../base/errors.js";
import type { CollectorFault } from "../../model/telemetry.js";
import { KeptFile } from "./kept-file.js";

export interface Collector<Raw, Value> {
  readonly name: string;
  /** Relative to `/proc`. */
  readonly file: string;
  readonly bytesMax: number;
  /** Pure. Throws DATA_INVALID when the text is not what the kernel writes. */
  parse(text: string): Raw;
  /** Pure; `undefined` while one reading is not enough. Throws where the two do not go together. */
  value(now: Raw, before: Raw | undefined): Value | undefined;
}

/** Past this age a value says nothing about now and is dropped. */
export const staleMsMax = 30_000;

export class Reading<Raw, Value> {
  readonly #collector: Collector<Raw, Value>;
  readonly #file: KeptFile;
  #before: Raw | undefined;
  #last: { readonly value: Value; readonly bootMs: number } | undefined;
  #failure: string | undefined;

  constructor(collector: Collector<Raw, Value>, procRoot: string) {
    this.#collector = collector;
    this.#file = new KeptFile(join(procRoot, collector.file), collector.bytesMax);
  }

  /** Never throws: what went wrong is a fault of this collector and hides no other. */
  refresh(bootMs: number): void {
    try {
      const raw = this.#collector.parse(this.#file.read());
      const before = this.#before;
      this.#before = raw;
      const value = this.#collector.value(raw, before);
      if (value !== undefined) this.#last = { value, bootMs };
      this.#failure = undefined;
    } catch (error) {
      this.#failure = QuipuError.from(error).message;
    }
  }

  value(bootMs: number): Value | undefined {
    if (this.#last === undefined || bootMs - this.#last.bootMs > staleMsMax) return undefined;
    return this.#last.value;
  }

  fault(bootMs: number): CollectorFault | undefined {
    if (this.#failure === undefined) return undefined;
    const text = faultText(this.#last?.bootMs, bootMs, this.#failure);
    return { collector: this.#collector.name, text };
  }

  close(): void {
    this.#file.close();
  }
}

export function faultText(lastMs: number | undefined, nowMs: number, why: string): string {
  if (lastMs === undefined) return `no value yet: ${why}`;
  const age = ((nowMs - lastMs) / 1000).toFixed(1);
  return nowMs - lastMs > staleMsMax
    ? `no value for ${age} s: ${why}`
    : `value is ${age} s old: ${why}`;
}

/** A counter as the kernel writes it: decimal digits and nothing else. */
export function count(field: string | undefined, what: string): number {
  if (field !== undefined && /^\d+$/.test(field)) return Number(field);
  throw new QuipuError("DATA_INVALID", `${what} is not a number: ${JSON.stringify(field ?? "")}`);
}
