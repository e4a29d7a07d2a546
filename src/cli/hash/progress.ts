/** One line about bytes done, their rate and the time left, for work that takes longer than a moment. */
import type { Output } from "../output.js";
import { bytesText, shareText } from "../table.js";

/** Short work shows nothing. */
const quietMs = 500;
const everyMs = 100;

export class Progress {
  readonly #output: Output;
  readonly #what: string;
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  #shownMs: number;
  #totalBytes: number;
  #doneBytes = 0;

  /** A total of zero is none: then there is no share and no time left. */
  constructor(
    output: Output,
    what: string,
    totalBytes = 0,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#output = output;
    this.#what = what;
    this.#totalBytes = totalBytes;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
    this.#shownMs = this.#startedMs + quietMs - everyMs;
  }

  add(bytes: number): void {
    this.#doneBytes += bytes;
    const nowMs = this.#nowMs();
    if (nowMs - this.#shownMs < everyMs) return;
    this.#shownMs = nowMs;
    this.#output.progress(this.#line((nowMs - this.#startedMs) / 1000));
  }

  /** For one task of many, which tells how far it is; none where nobody looks, because telling takes time. */
  part(): ((doneBytes: number) => void) | undefined {
    if (!this.#output.live) return undefined;
    let toldBytes = 0;
    return (doneBytes) => {
      const bytes = doneBytes - toldBytes;
      toldBytes = doneBytes;
      this.add(bytes);
    };
  }

  /** For the one task, which knows how much there is. */
  whole(): (doneBytes: number, totalBytes: number) => void {
    return (doneBytes, totalBytes) => {
      this.#totalBytes = totalBytes;
      this.add(doneBytes - this.#doneBytes);
    };
  }

  #line(seconds: number): string {
    const [done, total] = [this.#doneBytes, this.#totalBytes];
    const rate = done / seconds;
    const rateText = `${bytesText(Math.round(rate))}/s`;
    if (total < done || total === 0) return `${this.#what} ${bytesText(done)}  ${rateText}`;
    const left = rate > 0 ? `  ${durationText((total - done) / rate)} left` : "";
    const of = `${bytesText(done)} of ${bytesText(total)}  ${shareText(done / total)}`;
    return `${this.#what} ${of}  ${rateText}${left}`;
  }
}

export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
