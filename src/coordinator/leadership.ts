/**
 * One leader for one database. Of the coordinators that share it only the leader dispatches, takes
 * receipts in and writes the log; the others stand by, and one of them follows within a lease.
 *
 * Two things keep two leaders apart. Whatever is written goes through the fenced `store`, and so
 * fails once another has taken over. And what is only said, such as the renewal of a run's lease, is
 * said while `leads` holds, which ends by this process's own clock before anybody may follow: the
 * lease counts from the moment its renewal was asked for. A follower then waits a full lease of the
 * runs that it finds (`Coordinator.start`), so that no host still works on what it gives away.
 */
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { toHex } from "../base/bytes.js";
import type { Clock } from "../base/clock.js";
import { QuipuError } from "../base/errors.js";
import type { Random } from "../base/random.js";
import { abortError } from "../base/until-abort.js";
import { type CoordinatorStore, ledStore } from "../io/store/coordinator-store.js";
import type { Leadership as Leader } from "../io/store/leader-lease.js";

export interface LeadershipOptions {
  readonly store: CoordinatorStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly leaseMs: number;
  /** Where this one will answer calls, for those that stand by. */
  readonly address: string;
  /** Digest of the keys that all who share the database must have. */
  readonly keys: string;
  /** Ends the wait for leadership. */
  readonly signal: AbortSignal;
  /** Another leads now: this one stands by. Told at each look. */
  readonly onWait: (leader: Leader) => void;
  /** The lease could not be renewed this time. */
  readonly onTrouble: (error: QuipuError) => void;
  /** Another leads: this process must end. */
  readonly onLost: (error: QuipuError) => void;
}

/** Renewals, and looks of those that stand by, in one lease. */
const looksPerLease = 5;

export class Leadership {
  readonly epoch: number;
  /** Fenced: changes nothing once another has taken over. */
  readonly store: CoordinatorStore;
  readonly #options: LeadershipOptions;
  #endsAtMs: number;
  #renewing = false;
  readonly #timer: NodeJS.Timeout;

  /**
   * Waits until this process leads. Throws CANCELLED when the signal aborts, and CONFLICT when whoever
   * leads has other keys.
   */
  static async take(options: LeadershipOptions): Promise<Leadership> {
    const { store, clock, random, leaseMs, address, keys, signal, onWait, onTrouble } = options;
    const holder = `${hostname()}/${process.pid}/${toHex(random.bytes(8))}`;
    const claim = { holder, leaseMs, address, keys };
    for (;;) {
      const askedAtMs = clock.bootMs();
      const leader = await store
        .transact((tables) => tables.leader.take(claim))
        .catch((thrown: unknown) => onTrouble(QuipuError.from(thrown)));
      if (leader?.holder === holder) {
        return new Leadership(options, leader.epoch, askedAtMs + leaseMs);
      }
      if (leader !== undefined) {
        requireSameKeys(leader, keys);
        onWait(leader);
      }
      await delay(leaseMs / looksPerLease, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) throw abortError(signal, "the wait for leadership");
    }
  }

  private constructor(options: LeadershipOptions, epoch: number, endsAtMs: number) {
    this.#options = options;
    this.epoch = epoch;
    this.store = ledStore(options.store, epoch);
    options.store.writesAlone();
    this.#endsAtMs = endsAtMs;
    this.#timer = setInterval(() => void this.#renew(), options.leaseMs / looksPerLease);
  }

  /** False while the lease could not be renewed in time: another may lead by now. */
  get leads(): boolean {
    return this.#options.clock.bootMs() < this.#endsAtMs;
  }

  /** Lets another one follow at once. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#endsAtMs = 0;
    const resign = this.#options.store.transact(({ leader }) => leader.resign(this.epoch));
    await resign.catch(() => undefined); // its lease ends by itself
  }

  async #renew(): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    const { store, clock, leaseMs, onTrouble, onLost } = this.#options;
    const askedAtMs = clock.bootMs();
    try {
      await store.transact(({ leader }) => leader.renew(this.epoch, leaseMs));
      if (this.#endsAtMs > 0) this.#endsAtMs = askedAtMs + leaseMs;
    } catch (thrown) {
      const error = QuipuError.from(thrown);
      if (error.code === "FENCED") onLost(error);
      else onTrouble(error);
    }
    this.#renewing = false;
  }
}

/** One that signs with other keys could not go on where the leader ends. */
function requireSameKeys({ keys, address }: Leader, own: string): void {
  if (keys === own || keys === "") return;
  throw new QuipuError("CONFLICT", `the coordinator that leads at ${address} has other keys`, {
    next: "give all that share a database one folder with --shared, or copy keys/ from its state folder",
  });
}
