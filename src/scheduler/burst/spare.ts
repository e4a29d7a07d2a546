/** Room of pilots that are there or on their way, and that no waiting job has been counted against. */
import type { Offer } from "../../model/burst.js";
import type { PilotState, WaitingJob } from "./state.js";

interface Room {
  readonly host: string;
  readonly deviceSlots: number;
  slots: number;
}

export class Spare {
  readonly #rooms: Room[];
  readonly #awaited: Set<string>;

  static of(pilots: readonly PilotState[]): Spare {
    const rooms = pilots
      .filter(({ stage }) => stage === "wanted" || stage === "started" || stage === "joined")
      .map(({ host, freeSlots, deviceSlots }) => ({ host, deviceSlots, slots: freeSlots }));
    return new Spare(rooms, new Set());
  }

  private constructor(rooms: Room[], awaited: Set<string>) {
    this.#rooms = rooms;
    this.#awaited = awaited;
  }

  copy(): Spare {
    return new Spare(
      this.#rooms.map((room) => ({ ...room })),
      new Set(this.#awaited),
    );
  }

  add(host: string, { devices }: Offer): void {
    const slots = devices.reduce((sum, device) => sum + device.slots, 0);
    this.#rooms.push({ host, slots, deviceSlots: deviceSlotsOf(devices) });
  }

  /** Room for it, and where; undefined where there is none. */
  take({ hosts, wholeDevices }: WaitingJob): string | undefined {
    const needs = (room: Room) => (wholeDevices === 0 ? 1 : wholeDevices * room.deviceSlots);
    const room = this.#rooms.find((one) => one.slots >= needs(one) && hosts.has(one.host));
    if (room === undefined) return undefined;
    room.slots -= needs(room);
    this.#awaited.add(room.host);
    return room.host;
  }

  /** Whether some job waits for this very pilot. */
  isAwaited(host: string): boolean {
    return this.#awaited.has(host);
  }
}

/** The largest: a run that takes a device whole takes so many slots at most. */
export function deviceSlotsOf(devices: readonly { readonly slots: number }[]): number {
  return devices.reduce((most, { slots }) => Math.max(most, slots), 1);
}
