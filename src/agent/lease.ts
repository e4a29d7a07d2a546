/**
 * Leases on the boot clock. A lease is only ever counted from the moment a message of this agent was
 * *sent*, and only once the coordinator has answered that very message; so it always ends here before
 * the coordinator, which counts from the moment it received it, may give the run to another host.
 */

/** Heartbeats in flight at once; an answer to an older one renews nothing. */
const heartbeatsInFlightMax = 64;

interface SentHeartbeat {
  readonly sequence: number;
  readonly sentAtMs: number;
  readonly runs: ReadonlySet<string>;
}

export class LeaseBook {
  #inFlight: SentHeartbeat[] = [];
  #sequence = 0;
  #answeredAtMs = 0;

  /**
   * A new stream begins with a hello sent now; nothing sent on the old one can be answered. Whatever
   * is assigned on this stream is assigned after the hello arrived, so it is the first base.
   */
  helloSent(nowMs: number): void {
    this.#inFlight = [];
    this.#answeredAtMs = nowMs;
  }

  /** When the newest answered message of this stream was sent: the start of a first lease. */
  get answeredAtMs(): number {
    return this.#answeredAtMs;
  }

  /** Sequence number for the heartbeat that is sent now and names `runs`. */
  heartbeatSent(nowMs: number, runs: readonly string[]): number {
    this.#sequence += 1;
    this.#inFlight.push({ sequence: this.#sequence, sentAtMs: nowMs, runs: new Set(runs) });
    if (this.#inFlight.length > heartbeatsInFlightMax) this.#inFlight.shift();
    return this.#sequence;
  }

  /** The answered heartbeat, or undefined when it is unknown, older than the last one, or doubled. */
  answered(sequence: number): SentHeartbeat | undefined {
    const heartbeat = this.#inFlight.find((one) => one.sequence === sequence);
    if (heartbeat === undefined) return undefined;
    this.#inFlight = this.#inFlight.filter((one) => one.sequence > sequence);
    this.#answeredAtMs = heartbeat.sentAtMs;
    return heartbeat;
  }
}
