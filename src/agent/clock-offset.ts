/**
 * How far this host's wall clock is from the coordinator's, as each answered heartbeat tells it. The
 * coordinator read its clock somewhere between the sending and the answer, so half of that time is what the
 * estimate may be wrong by (Cristian 1989); of the last few the narrowest counts.
 */
import type { Clock } from "../base/clock.js";
import type { ClockReading } from "../model/run.js";

const readingsMax = 8;
/** Answers that come later than the heartbeats after them are not worth waiting for. */
const unansweredMax = 8;

interface Sent {
  readonly wallMs: number;
  readonly bootMs: number;
}

export class ClockOffset {
  readonly #clock: Clock;
  readonly #sent = new Map<number, Sent>();
  readonly #readings: ClockReading[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sent(sequence: number): void {
    this.#sent.set(sequence, { wallMs: this.#clock.wallMs(), bootMs: this.#clock.bootMs() });
    const [oldest = sequence] = this.#sent.keys();
    if (this.#sent.size > unansweredMax) this.#sent.delete(oldest);
  }

  /** `coordinatorMs`: its wall clock when it answered; 0: it did not say. */
  answered(sequence: number, coordinatorMs: number): void {
    const sent = this.#sent.get(sequence);
    this.#sent.delete(sequence);
    if (sent === undefined || coordinatorMs <= 0) return;
    const tookMs = Math.max(0, this.#clock.bootMs() - sent.bootMs);
    const offsetMs = Math.round(sent.wallMs + tookMs / 2 - coordinatorMs);
    this.#readings.push({ offsetMs, uncertaintyMs: Math.ceil(tookMs / 2) });
    if (this.#readings.length > readingsMax) this.#readings.shift();
  }

  /** Undefined before the first answer. */
  get reading(): ClockReading | undefined {
    let best = this.#readings[0];
    for (const reading of this.#readings) {
      if (best === undefined || reading.uncertaintyMs <= best.uncertaintyMs) best = reading;
    }
    return best;
  }
}
