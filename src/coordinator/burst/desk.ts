/**
 * One offer's provider, as the planner's hands use it: asked, and never waited for. A call that hangs
 * holds up nothing but further calls of its own kind.
 */
import type { Clock } from "../../base/clock.js";
import { QuipuError } from "../../base/errors.js";
import type { PilotOrder, Provider, Seen } from "../../io/burst/provider.js";
import type { Offer } from "../../model/burst.js";
import type { Sighting } from "../../scheduler/burst/state.js";

/** A provider that has not answered for so long counts as silent. */
export const patienceMs = 20_000;

export class Desk {
  readonly offer: Offer;
  /** Why the provider does not answer, or took no order last time. */
  trouble: QuipuError | undefined;
  readonly #provider: Provider;
  readonly #clock: Clock;
  readonly #tell: (error: QuipuError) => void;
  readonly #starting = new Set<string>();
  readonly #stopping = new Set<string>();
  /** Undefined before the first answer, and after one that failed. */
  #listed: ReadonlyMap<string, Seen> | undefined;
  #isFresh = false;
  #lookingSinceMs: number | undefined;

  /** `tell`: once for each trouble that differs from the one before. */
  constructor(offer: Offer, provider: Provider, clock: Clock, tell: (error: QuipuError) => void) {
    this.offer = offer;
    this.#provider = provider;
    this.#clock = clock;
    this.#tell = tell;
  }

  get isSilent(): boolean {
    const sinceMs = this.#lookingSinceMs;
    const isLate = sinceMs !== undefined && this.#clock.bootMs() >= sinceMs + patienceMs;
    return isLate || this.#listed === undefined;
  }

  isStarting(id: string): boolean {
    return this.#starting.has(id);
  }

  sighting(id: string): Sighting {
    if (this.isSilent) return "unknown";
    return this.#listed?.get(id) ?? "absent";
  }

  /** What was listed since the last call. */
  news(): readonly string[] {
    const listed = this.#isFresh ? this.#listed : undefined;
    this.#isFresh = false;
    return [...(listed?.keys() ?? [])];
  }

  /** Resolves when there is an answer; at once while an earlier look has none. */
  async look(): Promise<void> {
    if (this.#lookingSinceMs !== undefined) return;
    this.#lookingSinceMs = this.#clock.bootMs();
    const wasSilent = this.#listed === undefined;
    try {
      this.#listed = await this.#provider.status();
      this.#isFresh = true;
      if (wasSilent) this.trouble = undefined;
    } catch (thrown) {
      this.#listed = undefined;
      this.#troubled(thrown);
    }
    this.#lookingSinceMs = undefined;
  }

  /** Resolves when the order is taken; throws why it is not. */
  async start(order: PilotOrder): Promise<void> {
    this.#starting.add(order.id);
    try {
      await this.#provider.start(order);
      this.trouble = undefined;
    } catch (thrown) {
      throw this.#troubled(thrown);
    } finally {
      this.#starting.delete(order.id);
    }
  }

  stop(id: string): void {
    if (this.#stopping.has(id)) return;
    this.#stopping.add(id);
    const stopped = this.#provider.stop(id).catch((thrown: unknown) => this.#troubled(thrown));
    void stopped.finally(() => this.#stopping.delete(id));
  }

  #troubled(thrown: unknown): QuipuError {
    const error = QuipuError.from(thrown);
    const isKnown = this.trouble?.message === error.message;
    this.trouble = error;
    if (!isKnown) this.#tell(error);
    return error;
  }
}
