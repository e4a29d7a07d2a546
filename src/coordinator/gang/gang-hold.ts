/**
 * What a gang may hold while it waits for the rest of its room. One gang at a time, so that no two ever
 * hold what the other needs; and for a bounded time, after which it gives everything back and others
 * have as long a time before it may hold again.
 */

/** How long one gang holds what it has found, and how long it then rests. */
export const holdMs = 30_000;

export class GangHold {
  #holder: { readonly gangId: string; readonly untilMs: number } | undefined;
  /** When those that had their time may hold again. */
  readonly #rests = new Map<string, number>();

  get gangId(): string | undefined {
    return this.#holder?.gangId;
  }

  /** Whether the gang may hold what it has found now. */
  take(gangId: string, nowMs: number): boolean {
    if (this.#holder !== undefined) return this.#holder.gangId === gangId;
    if ((this.#rests.get(gangId) ?? 0) > nowMs) return false;
    this.#holder = { gangId, untilMs: nowMs + holdMs };
    return true;
  }

  /** It has its room, or needs none any more. */
  drop(gangId: string): boolean {
    if (this.#holder?.gangId !== gangId) return false;
    this.#holder = undefined;
    return true;
  }

  /** True once, when the holder's time is over. */
  isOver(nowMs: number): boolean {
    for (const [gangId, untilMs] of this.#rests) {
      if (untilMs <= nowMs) this.#rests.delete(gangId);
    }
    if (this.#holder === undefined || this.#holder.untilMs > nowMs) return false;
    this.#rests.set(this.#holder.gangId, nowMs + holdMs);
    this.#holder = undefined;
    return true;
  }
}
